-- Whether the API roles have exactly the rights that api_roles.sql gives them.
with wanted (role, object, right_to) as (
  values ('authenticated', 'public.live_updates', 'SELECT'),
         ('service_role', 'public.live_updates', 'SELECT'),
         ('service_role', 'public.live_updates', 'INSERT'),
         ('service_role', 'public.live_updates', 'DELETE'),
         ('service_role', 'public.spool_live_mirror', 'EXECUTE'),
         ('service_role', 'public.spool_live_cleanup', 'EXECUTE'),
         ('anon', 'spool_live.authorized_site_id', 'EXECUTE'),
         ('authenticated', 'spool_live.authorized_site_id', 'EXECUTE'),
         ('service_role', 'spool_live.authorized_site_id', 'EXECUTE'),
         ('anon', 'spool_live.authorized_topic', 'EXECUTE'),
         ('authenticated', 'spool_live.authorized_topic', 'EXECUTE'),
         ('service_role', 'spool_live.authorized_topic', 'EXECUTE')
), objects (object, acl) as (
  select n.nspname || '.' || c.relname, c.relacl
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where (n.nspname = 'spool_live' and c.relkind = 'r')
     or (n.nspname = 'public' and c.relname = 'live_updates')
  union all
  select 'column ' || a.attname, a.attacl
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_class c on c.oid = a.attrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'spool_live' or (n.nspname = 'public' and c.relname = 'live_updates')
  union all
  select n.nspname || '.' || p.proname, p.proacl
  from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where n.nspname = 'spool_live'
     or (n.nspname = 'public' and p.proname in ('spool_live_mirror', 'spool_live_cleanup'))
  union all
  select 'schema', nspacl from pg_catalog.pg_namespace where nspname = 'spool_live'
), there (role, object, right_to) as (
  select r.rolname::text, o.object,
         a.privilege_type || case when a.is_grantable then ' with grant option' else '' end
  from objects o
  cross join lateral pg_catalog.aclexplode(o.acl) a
  join pg_catalog.pg_roles r on r.oid = a.grantee
  where r.rolname in ('anon', 'authenticated', 'service_role')
)
select not exists ((table wanted except table there) union all (table there except table wanted))
