select n.nspname::text as name, role,
       has_schema_privilege(role, n.oid, 'usage') as usage,
       has_schema_privilege(role, n.oid, 'create') as creates,
       array(select distinct coalesce(quote_ident(grantee.rolname), 'public')
             from aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) acl
             left join pg_catalog.pg_roles grantee on grantee.oid = acl.grantee
             where acl.grantee <> n.nspowner
               and (acl.grantee = 0 or pg_has_role(role, acl.grantee, 'usage'))
             order by 1) as from
from pg_catalog.pg_namespace n cross join unnest(%(roles)s::text[]) role
where n.nspname = any (%(schemas)s::text[])
order by 1, 2
