-- Every function that PostgreSQL did not install, in any schema.
select p.oid::bigint as oid, n.nspname::text as schema, p.proname::text as name,
       p.oid::regprocedure::text as identity, p.prokind::text as kind, owner.rolname::text as owner,
       l.lanname::text as language, l.lanpltrusted or l.lanname in ('sql', 'internal', 'c') as trusted,
       p.prosecdef as security_definer, coalesce(p.proconfig, '{}') as settings,
       coalesce(case when p.prokind = 'a' then (
         select string_agg(format('%%s(of_rows)', part.proname), ' ' order by parts.place)
         from pg_catalog.pg_aggregate a
         cross join lateral unnest(array[a.aggtransfn::oid, a.aggfinalfn::oid, a.aggcombinefn::oid,
                                         a.aggserialfn::oid, a.aggdeserialfn::oid, a.aggmtransfn::oid,
                                         a.aggminvtransfn::oid, a.aggmfinalfn::oid])
           with ordinality parts (oid, place)
         join pg_catalog.pg_proc part on part.oid = parts.oid
         where a.aggfnoid = p.oid) else p.prosrc end, '') as source,
       coalesce(pg_get_function_sqlbody(p.oid), '') as body,
       format_type(p.prorettype, null) as returns,
       array(select format_type(t.type, null)
             from unnest(p.proargtypes) with ordinality t (type, place) order by t.place) as takes,
       coalesce(p.proargnames, '{}') as parameters,
       coalesce(pg_get_expr(p.proargdefaults, 0), '') as defaults,
       p.proleakproof as leakproof,
       format('%%s %%s %%s %%s %%s', p.provolatile, p.proisstrict, p.proleakproof, p.prosupport,
              p.probin) as attributes,
       array(select distinct format('%%s=%%s', coalesce(grantee.rolname, 'public'), acl.privilege_type)
             from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) acl
             left join pg_catalog.pg_roles grantee on grantee.oid = acl.grantee
             where acl.grantee <> p.proowner
             order by 1) as acl,
       extension.name as extension, extension.version as extension_version
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_language l on l.oid = p.prolang
join pg_catalog.pg_roles owner on owner.oid = p.proowner
left join lateral (
  select e.extname::text as name, e.extversion as version
  from pg_catalog.pg_depend d join pg_catalog.pg_extension e on e.oid = d.refobjid
  where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
    and d.refclassid = 'pg_catalog.pg_extension'::regclass
) extension on true
where p.oid >= 16384 and n.nspname !~ '^pg_(toast|temp)'
