-- What the policies ask. The schema is never exposed by PostgREST and no API role has USAGE on it:
-- policies refer to the functions by oid, so nobody needs to be able to name them.
create schema if not exists spool_live;
revoke all on schema spool_live from public;

-- One row a site: what was mirrored last. A deleted site keeps its row as a tombstone.
create table spool_live.sites (
  site_id    uuid primary key,
  epoch      bigint not null check (epoch > 0),
  version    bigint not null check (version > 0),
  deleted_at timestamptz
);
create table spool_live.api_keys (
  id         uuid primary key,
  site_id    uuid not null references spool_live.sites (site_id) on delete cascade,
  expires_at timestamptz,
  revoked_at timestamptz
);
create index api_keys_site on spool_live.api_keys (site_id);
alter table spool_live.sites enable row level security;
alter table spool_live.api_keys enable row level security;
revoke all on spool_live.sites, spool_live.api_keys from public;

-- The site whose updates the current token may read, or null. Never raises on anything a token can
-- hold: an error inside a policy stops Realtime for the whole project. Only data exceptions
-- (class 22: not JSON, not a uuid, a null character) and limits (class 54: JSON nested too deeply)
-- mean "no site"; a broken function must show.
create function spool_live.authorized_site_id() returns uuid
language plpgsql stable security definer set search_path = '' as $$
declare
  claims jsonb;
  claimed_site uuid;
  claimed_key uuid;
begin
  claims := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
  if jsonb_typeof(claims -> 'site_id') is distinct from 'string'
     or jsonb_typeof(claims -> 'key_id') is distinct from 'string' then
    return null;
  end if;
  claimed_site := (claims ->> 'site_id')::uuid;
  claimed_key := (claims ->> 'key_id')::uuid;
  return (
    select k.site_id
    from spool_live.api_keys k
    join spool_live.sites s on s.site_id = k.site_id
    where k.id = claimed_key
      and k.site_id = claimed_site
      and k.revoked_at is null
      and (k.expires_at is null or k.expires_at > now())
      and s.deleted_at is null
  );
exception when data_exception or program_limit_exceeded then
  return null;
end $$;

-- The private Realtime topic the current token may join, or null.
create function spool_live.authorized_topic() returns text
language sql stable security definer set search_path = '' as $$
  select 'site:' || s.site_id || ':' || s.epoch
  from spool_live.sites s
  where s.site_id = spool_live.authorized_site_id()
$$;

revoke all on function spool_live.authorized_site_id(), spool_live.authorized_topic() from public;
