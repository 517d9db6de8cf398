-- Default privileges that open new objects in our schema: those of any role for this schema, and those of
-- the migrating role for every schema.
select quote_ident(maker.rolname) as maker, d.defaclnamespace <> 0 as here,
       case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions'
                            when 'T' then 'types' when 'n' then 'schemas' else 'large objects' end as what,
       array_agg(distinct coalesce(quote_ident(grantee.rolname), 'public')
                 order by coalesce(quote_ident(grantee.rolname), 'public')) as to
from pg_catalog.pg_default_acl d
join pg_catalog.pg_roles maker on maker.oid = d.defaclrole
cross join lateral aclexplode(d.defaclacl) acl
left join pg_catalog.pg_roles grantee on grantee.oid = acl.grantee
where (d.defaclnamespace = to_regnamespace('spool_live')
       or d.defaclnamespace = 0 and maker.rolname = current_user)
  -- PostgreSQL itself lets everybody use functions and types, by default
  and (acl.grantee = 0 and (d.defaclnamespace <> 0 or d.defaclobjtype not in ('f', 'T'))
       or grantee.rolname = any (%(roles)s::text[]))
group by 1, 2, 3
order by 1, 2, 3
