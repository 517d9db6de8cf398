-- Rights on the tables that the roles (or PUBLIC) may grant to others.
select wanted as table, quote_ident(grantee.rolname) as role,
       array_agg(distinct lower(acl.privilege_type) order by lower(acl.privilege_type)) as privileges
from unnest(%(tables)s::text[]) wanted
join pg_catalog.pg_class c on c.oid = to_regclass(wanted)
cross join lateral aclexplode(c.relacl) acl
join pg_catalog.pg_roles grantee on grantee.oid = acl.grantee
where acl.is_grantable and acl.grantee <> c.relowner and grantee.rolname = any (%(roles)s::text[])
group by 1, 2
order by 1, 2
