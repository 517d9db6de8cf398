-- The API roles, and the owners whose rights code runs with.
select r.rolname::text as name, r.rolsuper as superuser, r.rolbypassrls as bypasses,
       array(select member_of.rolname::text from pg_catalog.pg_roles member_of
             where pg_has_role(r.oid, member_of.oid, 'usage')) as has,
       pg_has_role(r.oid, 'member') as ours
from pg_catalog.pg_roles r
where r.rolname = any (%(roles)s::text[])
