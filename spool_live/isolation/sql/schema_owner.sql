select owner.rolname::text as owner, pg_has_role(n.nspowner, 'member') as is_ours
from pg_catalog.pg_namespace n join pg_catalog.pg_roles owner on owner.oid = n.nspowner
where n.nspname = 'spool_live'
