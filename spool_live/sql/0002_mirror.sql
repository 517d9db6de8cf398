-- Takes a whole site with a version: {site_id, version, epoch, deleted, name, api_keys: [{id, expires_at,
-- revoked_at}]}. name is null where content lives in this database (its table is Django's, hands off).
-- An older version is ignored, the same one applied again (which heals what somebody deleted), and
-- a deleted site stays deleted. Answers what holds now: {version, epoch, deleted, applied}.
-- A new epoch and the call to re-authenticate on the old topic are one transaction.
create function public.spool_live_mirror(site jsonb) returns jsonb
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

create function spool_live.ask_to_reauthenticate(old_topic text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if to_regclass('realtime.messages') is not null then
    insert into realtime.messages (id, topic, extension, event, private, payload)
    values (gen_random_uuid(), old_topic, 'broadcast', 'reauthenticate', true, '{}');
  end if;
exception when others then
  raise warning 'spool_live: subscribers were not asked to re-authenticate: % %', sqlstate, sqlerrm;
end $$;

revoke all on function public.spool_live_mirror(jsonb), spool_live.ask_to_reauthenticate(text) from public;
