drop function if exists public.spool_live_cleanup(timestamptz, integer);
