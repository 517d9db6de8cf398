-- Run this once on the Supabase database, as the role that migrates.
create extension if not exists pg_cron;
select cron.schedule('spool-live-cleanup', '* * * * *', $job$
  select public.spool_live_cleanup(
    now() - interval '{seconds} seconds',
    -- Realtime reads each deletion that is published: then only a few at a time.
    case when exists (
      select from pg_catalog.pg_publication p
      join pg_catalog.pg_publication_tables t on t.pubname = p.pubname
      where t.schemaname = 'public' and t.tablename = 'live_updates' and p.pubdelete)
    then {small_step} else {big_step} end)
$job$);
-- To end it: select cron.unschedule('spool-live-cleanup');
