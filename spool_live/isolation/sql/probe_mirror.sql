-- The probe sites as the mirror should have stored them; does nothing if it has.
with given as (
  select site from jsonb_array_elements(%(sites)s::jsonb) site
), sites as (
  insert into spool_live.sites (site_id, epoch, version)
  select (site ->> 'site_id')::uuid, (site ->> 'epoch')::bigint, (site ->> 'version')::bigint
  from given
  on conflict (site_id) do nothing
  returning site_id
), keys as (
  insert into spool_live.api_keys (id, site_id, expires_at, revoked_at)
  select (key ->> 'id')::uuid, (site ->> 'site_id')::uuid,
         (key ->> 'expires_at')::timestamptz, (key ->> 'revoked_at')::timestamptz
  from given cross join lateral jsonb_array_elements(site -> 'api_keys') key
  on conflict (id) do nothing
  returning id
)
insert into public.sites (id, name)
select (site ->> 'site_id')::uuid, site ->> 'name' from given where site ->> 'name' is not null
on conflict (id) do nothing
returning id
