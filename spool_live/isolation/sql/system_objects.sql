-- What differs, for the roles, from what PostgreSQL installs: rights that initdb did not grant, and
-- functions that run with their owner's rights, have settings, or have another owner.
with granted as (
  select format('%%s on pg_catalog.%%I', acl.privilege_type, c.relname) as what,
         format('revoke all on pg_catalog.%%I from %%s;', c.relname,
                coalesce(quote_ident(grantee.rolname), 'public')) as mend,
         format('pg_catalog.%%I', c.relname) as name, coalesce(grantee.rolname::text, 'public') as who
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = 'pg_catalog'
  cross join lateral (
    select (aclexplode(c.relacl)).* union select (aclexplode(a.attacl)).*
    from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attacl is not null
  ) acl
  left join pg_catalog.pg_roles grantee on grantee.oid = acl.grantee
  where c.oid < 16384 and (acl.grantee = 0 or grantee.rolname = any (%(roles)s::text[]))
    and not exists (
      select from pg_catalog.pg_init_privs i cross join lateral aclexplode(i.initprivs) came
      where i.classoid = 'pg_catalog.pg_class'::regclass and i.objoid = c.oid
        and came.grantee = acl.grantee and came.privilege_type = acl.privilege_type)
  union all
  select format('EXECUTE on %%s', p.oid::regprocedure),
         format('revoke execute on function %%s from %%s;', p.oid::regprocedure,
                coalesce(quote_ident(grantee.rolname), 'public')),
         p.oid::regprocedure::text, coalesce(grantee.rolname::text, 'public')
  from pg_catalog.pg_proc p
  cross join lateral aclexplode(p.proacl) acl
  left join pg_catalog.pg_roles grantee on grantee.oid = acl.grantee
  where p.oid < 16384 and (acl.grantee = 0 or grantee.rolname = any (%(roles)s::text[]))
    and exists (select from pg_catalog.pg_init_privs i
                where i.classoid = 'pg_catalog.pg_proc'::regclass and i.objoid = p.oid)
    and not exists (
      select from pg_catalog.pg_init_privs i cross join lateral aclexplode(i.initprivs) came
      where i.classoid = 'pg_catalog.pg_proc'::regclass and i.objoid = p.oid
        and came.grantee = acl.grantee and came.privilege_type = 'EXECUTE')
)
select name, format('%%s has %%s', who, what) as reason, mend from granted
union all
select p.oid::regprocedure::text, 'it runs with the rights of its owner',
       format('alter function %%s security invoker;', p.oid::regprocedure)
from pg_catalog.pg_proc p where p.oid < 16384 and p.prosecdef
union all
select p.oid::regprocedure::text, format('it has settings: %%s', p.proconfig),
       format('alter function %%s reset all;', p.oid::regprocedure)
from pg_catalog.pg_proc p
where p.oid < 16384 and exists (select from unnest(p.proconfig) s where s not like 'search_path=%%')
union all
select p.oid::regprocedure::text, format('it belongs to %%I', owner.rolname),
       format('alter function %%s owner to %%I;', p.oid::regprocedure, first.rolname)
from pg_catalog.pg_proc p
join pg_catalog.pg_roles owner on owner.oid = p.proowner
join pg_catalog.pg_roles first on first.oid = 10
where p.oid < 16384 and p.proowner <> 10
order by 1, 2
