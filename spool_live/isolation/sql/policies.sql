select p.polname::text as name, wanted as table, p.polpermissive as permissive,
       p.polcmd::text as command,
       array(select coalesce(r.rolname::text, 'public')
             from unnest(p.polroles) role (oid) left join pg_catalog.pg_roles r on r.oid = role.oid
             order by 1) as roles,
       pg_get_expr(p.polqual, p.polrelid) as using,
       pg_get_expr(p.polwithcheck, p.polrelid) as check
from unnest(%(tables)s::text[]) wanted
join pg_catalog.pg_policy p on p.polrelid = to_regclass(wanted)
order by 2, 1
