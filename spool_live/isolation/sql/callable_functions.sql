-- Functions of exposed schemas that an API role may call, but those of extensions.
select format('%%I.%%I', n.nspname, p.proname) as name, p.oid::regprocedure::text as signature,
       p.prosecdef as security_definer, pg_get_functiondef(p.oid) as definition, p.prosrc as body,
       array(select role from unnest(%(roles)s::text[]) role
             where has_function_privilege(role, p.oid, 'execute') order by 1) as callers,
       array(select distinct coalesce(quote_ident(grantee.rolname), 'public')
             from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) acl
             left join pg_catalog.pg_roles grantee on grantee.oid = acl.grantee
             where acl.grantee = 0 or grantee.rolname = any (%(roles)s::text[])
             order by 1) as from
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where n.nspname = any (%(schemas)s::text[]) and p.prokind in ('f', 'p')
  and p.prorettype not in ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype)
  and exists (select from unnest(%(roles)s::text[]) role
              where has_function_privilege(role, p.oid, 'execute'))
  and not exists (select from pg_catalog.pg_depend d
                  where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
order by 2
