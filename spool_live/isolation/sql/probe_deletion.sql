-- A deleted site whose keys somebody left behind.
update spool_live.sites set deleted_at = now() where site_id = %(site)s::uuid returning site_id
