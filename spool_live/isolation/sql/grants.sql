-- The rights of the roles on the tables, from whatever source, and the roles they were granted to.
-- A right on single columns has columns; "from" is empty if the right comes from ownership or from a
-- predefined role for all data.
select wanted as table, role, privilege,
       case when not has_table_privilege(role, c.oid, privilege) then held.columns end as columns,
       array(
         select distinct coalesce(quote_ident(grantee.rolname), 'public')
         from (
           select (aclexplode(c.relacl)).*
           union all
           select (aclexplode(a.attacl)).* from pg_catalog.pg_attribute a where a.attrelid = c.oid
         ) acl
         left join pg_catalog.pg_roles grantee on grantee.oid = acl.grantee
         where acl.privilege_type = privilege and acl.grantee <> c.relowner
           and (acl.grantee = 0 or pg_has_role(role, acl.grantee, 'usage'))
         order by 1) as from
from unnest(%(tables)s::text[]) wanted
join pg_catalog.pg_class c on c.oid = to_regclass(wanted)
cross join unnest(%(roles)s::text[]) role
cross join unnest(%(privileges)s::text[]) privilege
cross join lateral (
  select coalesce(array_agg(a.attname::text order by a.attnum), '{}') as columns
  from pg_catalog.pg_attribute a
  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    and privilege in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
    and not has_table_privilege(role, c.oid, privilege)
    and has_column_privilege(role, c.oid, a.attnum, privilege)
) held
where has_table_privilege(role, c.oid, privilege) or held.columns <> '{}'
order by 1, 2, 3
