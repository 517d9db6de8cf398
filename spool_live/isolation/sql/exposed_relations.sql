-- All relations that PostgREST could serve, except those of extensions.
select format('%%I.%%I', n.nspname, c.relname) as name, c.relname::text as plain_name,
       c.relkind::text as kind, c.relrowsecurity as row_security,
       coalesce((select o.option_value::boolean from pg_options_to_table(c.reloptions) o
                 where o.option_name = 'security_invoker'), false) as invoker,
       exists (select from pg_catalog.pg_policy p
               where p.polrelid = c.oid and p.polpermissive
                 and exists (select from unnest(p.polroles) polrole, unnest(%(roles)s::text[]) role
                             where polrole = 0 or pg_has_role(role, polrole, 'usage'))) as has_policy
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (%(schemas)s::text[]) and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and not exists (select from pg_catalog.pg_depend d
                  where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by 1
