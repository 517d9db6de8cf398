-- Every relation that PostgreSQL did not install.
select c.oid::bigint as oid, n.nspname::text as schema, c.relname::text as name,
       format('%%I.%%I', n.nspname, c.relname) as identity, c.relkind::text as kind,
       owner.rolname::text as owner, c.relrowsecurity as row_security,
       c.relforcerowsecurity as forced,
       coalesce((select o.option_value::boolean from pg_options_to_table(c.reloptions) o
                 where o.option_name = 'security_invoker'), false) as invoker,
       array(select i.inhparent::bigint from pg_catalog.pg_inherits i
             where i.inhrelid = c.oid order by 1) as parents,
       (select format('server %%s %%s %%s', s.srvname, s.srvoptions, f.ftoptions)
        from pg_catalog.pg_foreign_table f
        join pg_catalog.pg_foreign_server s on s.oid = f.ftserver
        where f.ftrelid = c.oid) as server,
       (select string_agg(format('%%s %%s %%s', a.attname, format_type(a.atttypid, a.atttypmod),
                                 a.attgenerated), ', ' order by a.attnum)
        from pg_catalog.pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
       array(select distinct format('%%s=%%s', coalesce(grantee.rolname, 'public'), acl.privilege_type)
             from (
               select (aclexplode(coalesce(c.relacl, acldefault('r', c.relowner)))).*
               union all
               select (aclexplode(a.attacl)).* from pg_catalog.pg_attribute a where a.attrelid = c.oid
             ) acl
             left join pg_catalog.pg_roles grantee on grantee.oid = acl.grantee
             where acl.grantee <> c.relowner
             order by 1) as acl,
       extension.name as extension, extension.version as extension_version
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_roles owner on owner.oid = c.relowner
left join lateral (
  select e.extname::text as name, e.extversion as version
  from pg_catalog.pg_depend d join pg_catalog.pg_extension e on e.oid = d.refobjid
  where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    and d.refclassid = 'pg_catalog.pg_extension'::regclass
) extension on true
where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.oid >= 16384
  and n.nspname !~ '^pg_(toast|temp)'
