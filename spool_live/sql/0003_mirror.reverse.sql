-- Back to one site a call, as 0002_mirror.sql has it.
create or replace function public.spool_live_mirror(site jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  target uuid := (site ->> 'site_id')::uuid;
  tombstone boolean := coalesce((site ->> 'deleted')::boolean, false);
  held spool_live.sites;
  old_epoch bigint;
begin
  insert into spool_live.sites (site_id, epoch, version)
  values (target, (site ->> 'epoch')::bigint, (site ->> 'version')::bigint)
  on conflict (site_id) do nothing;
  select * into strict held from spool_live.sites s where s.site_id = target for update;

  if held.version > (site ->> 'version')::bigint
     or held.epoch > (site ->> 'epoch')::bigint
     or (held.deleted_at is not null and not tombstone) then
    return jsonb_build_object('version', held.version, 'epoch', held.epoch,
                              'deleted', held.deleted_at is not null, 'applied', false);
  end if;

  old_epoch := held.epoch;
  update spool_live.sites s
  set version = (site ->> 'version')::bigint,
      epoch = (site ->> 'epoch')::bigint,
      deleted_at = case when tombstone then coalesce(s.deleted_at, now()) end
  where s.site_id = target
  returning * into held;

  if tombstone then
    delete from spool_live.api_keys k where k.site_id = target;
    if site ->> 'name' is not null then
      delete from public.sites s where s.id = target;
    end if;
  else
    if site ->> 'name' is not null then
      insert into public.sites (id, name) values (target, site ->> 'name')
      on conflict (id) do update set name = excluded.name
      where sites.name is distinct from excluded.name;
    end if;
    delete from spool_live.api_keys k
    where k.site_id = target
      and k.id not in (select (given ->> 'id')::uuid
                       from jsonb_array_elements(site -> 'api_keys') given);
    insert into spool_live.api_keys (id, site_id, expires_at, revoked_at)
    select (given ->> 'id')::uuid, target,
           (given ->> 'expires_at')::timestamptz, (given ->> 'revoked_at')::timestamptz
    from jsonb_array_elements(site -> 'api_keys') given
    on conflict (id) do update
    set site_id = excluded.site_id, expires_at = excluded.expires_at, revoked_at = excluded.revoked_at;
  end if;

  if held.epoch > old_epoch or tombstone then
    perform spool_live.ask_to_reauthenticate('site:' || target || ':' || old_epoch);
  end if;
  return jsonb_build_object('version', held.version, 'epoch', held.epoch,
                            'deleted', tombstone, 'applied', true);
end $$;

drop function if exists spool_live.mirror_site_v1(jsonb);
