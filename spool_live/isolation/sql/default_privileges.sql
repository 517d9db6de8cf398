-- Rights that API roles will have on every table that the migrating role creates.
select maker.rolname::text as maker, n.nspname::text as schema,
       array_agg(distinct coalesce(grantee.rolname::text, 'public') order by coalesce(grantee.rolname::text, 'public')) as to
from pg_catalog.pg_default_acl d
join pg_catalog.pg_roles maker on maker.oid = d.defaclrole
left join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace
cross join lateral aclexplode(d.defaclacl) acl
left join pg_catalog.pg_roles grantee on grantee.oid = acl.grantee
where d.defaclobjtype = 'r' and maker.rolname = current_user
  and (n.oid is null or n.nspname = any (%(schemas)s::text[]))
  and (acl.grantee = 0 or grantee.rolname = any (%(roles)s::text[]))
group by 1, 2
order by 1, 2
