-- The rights of the roles on each relation and function, and the schemas that they may use.
with role as (select unnest(%(roles)s::text[])::text as name),
relation as (
  select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.oid >= 16384 and c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_(toast|temp)'
)
select 'relation' as kind, role.name as role, r.oid::bigint as oid,
       array(select lower(wanted) from unnest(array['SELECT', 'INSERT', 'UPDATE']) wanted
             where has_any_column_privilege(role.name, r.oid, wanted))
       || array(select 'delete' where has_table_privilege(role.name, r.oid, 'DELETE')) as rights
from role cross join relation r
union all
select 'function', role.name, p.oid::bigint, array['execute']
from role cross join pg_catalog.pg_proc p
where p.oid >= 16384 and has_function_privilege(role.name, p.oid, 'execute')
union all
select 'schema', role.name, n.oid::bigint, array[n.nspname::text]
from role cross join pg_catalog.pg_namespace n
where n.nspname !~ '^pg_(toast|temp)' and has_schema_privilege(role.name, n.oid, 'usage')
