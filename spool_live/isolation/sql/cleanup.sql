-- Nothing is that old.
select public.spool_live_cleanup('-infinity', 1000)
