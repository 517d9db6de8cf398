select wanted as name, c.oid is not null as present, c.relkind::text as kind,
       c.relrowsecurity as row_security, c.relreplident::text as identity,
       exists (select from pg_catalog.pg_index i where i.indrelid = c.oid and i.indisprimary) as has_key,
       owner.rolname::text as owner, pg_has_role(c.relowner, 'member') as owner_is_ours,
       array(select i.inhrelid::regclass::text from pg_catalog.pg_inherits i
             where i.inhparent = c.oid order by 1) as children,
       array(select i.inhparent::regclass::text from pg_catalog.pg_inherits i
             where i.inhrelid = c.oid order by 1) as parents,
       array(select r.rulename::text from pg_catalog.pg_rewrite r
             where r.ev_class = c.oid and r.rulename <> '_RETURN' order by 1) as rules,
       array(select ours from unnest(%(functions)s::text[]) ours
             where to_regprocedure(ours) is not null) as functions
from unnest(%(tables)s::text[]) wanted
left join pg_catalog.pg_class c on c.oid = to_regclass(wanted)
left join pg_catalog.pg_roles owner on owner.oid = c.relowner
order by 1
