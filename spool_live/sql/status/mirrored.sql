-- The sites that the Supabase database knows, with the version that it holds of each.
select site_id, version from spool_live.sites where deleted_at is null
