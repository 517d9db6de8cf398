-- A deleted site whose keys still exist.
update spool_live.sites set deleted_at = now() where site_id = %(site)s::uuid returning site_id
