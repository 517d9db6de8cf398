-- The sites of the content database, as far as the Supabase database must know them.
-- Only on a Supabase database of its own: where content lives in the same database, Django's table serves.
create table if not exists public.sites (
  id   uuid primary key,
  name text not null
);
comment on table public.sites is 'Sites of the CMS, mirrored by spool_live. Written by public.spool_live_mirror only.';
