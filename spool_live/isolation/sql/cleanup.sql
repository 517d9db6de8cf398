-- No update is older than this, so nothing is deleted.
select public.spool_live_cleanup('-infinity', 1000)
