-- The policies of a table as PostgreSQL reads them back.
select p.polname::text, p.polpermissive, p.polcmd::text,
       array(select r.rolname::text from pg_catalog.pg_roles r
             where r.oid = any (p.polroles) order by 1),
       0 = any (p.polroles) as is_of_everybody,
       pg_catalog.pg_get_expr(p.polqual, p.polrelid),
       pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)
from pg_catalog.pg_policy p
where p.polrelid = '{table}'::regclass
