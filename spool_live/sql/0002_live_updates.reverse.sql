drop table if exists public.live_updates;
