-- Whether the API roles are kept off a table as closed_table.sql does, its policies aside.
select c.relrowsecurity and not exists (
  select
  from (
    select c.relacl as acl
    union all
    select a.attacl from pg_catalog.pg_attribute a where a.attrelid = c.oid
    union all
    select s.relacl
    from pg_catalog.pg_depend d
    join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
    where d.classid = 'pg_catalog.pg_class'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass
      and d.refobjid = c.oid and d.deptype in ('a', 'i')
  ) given
  cross join lateral pg_catalog.aclexplode(given.acl) a
  join pg_catalog.pg_roles r on r.oid = a.grantee
  where r.rolname in ('anon', 'authenticated'))
from pg_catalog.pg_class c
where c.oid = '{table}'::regclass
