drop function if exists public.spool_live_mirror(jsonb);
drop function if exists spool_live.ask_to_reauthenticate(text);
