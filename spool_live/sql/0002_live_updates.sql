-- The feed. "timestamp" is the time of the edit; inserted_at is what cleanup goes by, so that a
-- backlog delivered after an outage is not born expired.
create table public.live_updates (
  id          uuid primary key default gen_random_uuid(),
  site_id     uuid not null references public.sites (id) on delete cascade,
  event_type  text not null check (event_type in
              ('content.created', 'content.updated', 'content.published', 'content.deleted')),
  collection  text not null,
  slug        text,
  item_id     uuid not null,
  "timestamp" timestamptz not null default now(),
  metadata    jsonb not null default '{}',
  seq         bigint,
  inserted_at timestamptz not null default now(),
  constraint live_updates_site_seq unique (site_id, seq)
);
create index live_updates_site_timestamp on public.live_updates (site_id, "timestamp" desc);
-- A btree here would lead "latest of my site" queries through everybody's rows.
create index live_updates_inserted_at on public.live_updates
  using brin (inserted_at) with (pages_per_range = 32);

alter table public.live_updates enable row level security;
alter table public.live_updates replica identity default;
revoke all on public.live_updates from public;
