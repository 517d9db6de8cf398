drop trigger if exists live_updates_broadcast on public.live_updates;
drop function if exists spool_live.broadcast_new_updates();
