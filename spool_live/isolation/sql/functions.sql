select n.nspname || '.' || p.proname as name, p.prosrc as body, l.lanname::text as language,
       case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end as volatility,
       p.prosecdef as security_definer, coalesce(p.proconfig, '{}') as settings,
       owner.rolname::text as owner, p.oid::regprocedure::text as signature,
       owner.rolsuper or owner.rolbypassrls or not exists (
         select from pg_catalog.pg_class c
         where c.oid in (to_regclass('public.live_updates'), to_regclass('spool_live.sites'),
                         to_regclass('spool_live.api_keys'))
           and not pg_has_role(p.proowner, c.relowner, 'usage')) as owner_sees,
       array(select role from unnest(%(roles)s::text[]) role
             where has_function_privilege(role, p.oid, 'execute')) as callers,
       p.prokind::text as kind, pg_get_function_result(p.oid) as returns,
       array(select coalesce(p.proargnames[place], '')
             from generate_series(1, p.pronargs) place order by place) as arguments,
       p.pronargdefaults as defaults, pg_has_role(p.proowner, 'member') as owner_is_ours,
       array_remove(array[
         case when p.proisstrict then 'strict' end,
         case when p.proleakproof then 'leakproof' end,
         case p.proparallel when 's' then 'parallel safe' when 'r' then 'parallel restricted' end,
         case when p.procost <> 100 then format('cost %%s', p.procost) end,
         case when p.prorows <> 0 then format('rows %%s', p.prorows) end,
         case when p.prosupport::oid <> 0 then format('support %%s', p.prosupport) end
       ], null) as attributes,
       array(select distinct quote_ident(grantee.rolname)
             from aclexplode(p.proacl) acl join pg_catalog.pg_roles grantee on grantee.oid = acl.grantee
             where acl.is_grantable and acl.grantee <> p.proowner
               and grantee.rolname = any (%(roles)s::text[])
             order by 1) as pass_on,
       exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) acl
               where acl.grantee = 0) as public_executes
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_language l on l.oid = p.prolang
join pg_catalog.pg_roles owner on owner.oid = p.proowner
where p.oid = any (array(select to_regprocedure(wanted) from unnest(%(signatures)s::text[]) wanted)::oid[])
order by 1
