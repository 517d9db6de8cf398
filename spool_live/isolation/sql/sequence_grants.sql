-- Sequences of the tables' columns, and those of the roles that have any right on them.
select s.oid::regclass::text as name,
       array_agg(distinct coalesce(quote_ident(grantee.rolname), 'public')
                 order by coalesce(quote_ident(grantee.rolname), 'public')) as to
from unnest(%(tables)s::text[]) wanted
join pg_catalog.pg_depend d
  on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = to_regclass(wanted)
 and d.classid = 'pg_catalog.pg_class'::regclass and d.deptype in ('a', 'i')
join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
cross join lateral aclexplode(s.relacl) acl
left join pg_catalog.pg_roles grantee on grantee.oid = acl.grantee
where acl.grantee = 0 or grantee.rolname = any (%(roles)s::text[])
group by 1
order by 1
