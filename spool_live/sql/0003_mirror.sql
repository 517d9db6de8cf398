-- Takes one site, as before, or an array of sites. What one of an array is refused for is in its
-- answer and changes nothing of the others. In the order of ids: two calls never deadlock.
create or replace function public.spool_live_mirror(site jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  one jsonb;
  answer jsonb;
  answers jsonb := '[]';
begin
  if jsonb_typeof(site) is distinct from 'array' then
    return spool_live.mirror_site_v1(site);
  end if;
  for one in select given from jsonb_array_elements(site) given order by given ->> 'site_id' loop
    begin
      answer := spool_live.mirror_site_v1(one);
    exception
      when serialization_failure or deadlock_detected or lock_not_available then
        raise;
      when others then
        answer := jsonb_build_object('error', jsonb_build_object('code', sqlstate, 'message', sqlerrm));
    end;
    answers := answers || (answer || jsonb_build_object('site_id', one ->> 'site_id'));
  end loop;
  return answers;
end $$;

-- Takes a whole site with a version: {site_id, version, epoch, deleted, name, api_keys: [{id, expires_at,
-- revoked_at}]}. A key that is left out has no right. name is null where content lives in this
-- database (its table is Django's, hands off). An older version is ignored, the same one applied
-- again (which heals what somebody deleted), and a deleted site stays deleted. Answers what holds
-- now: {version, epoch, deleted, applied}. A new epoch and the call to re-authenticate on the old
-- topic are one transaction.
create function spool_live.mirror_site_v1(site jsonb) returns jsonb
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
    set site_id = excluded.site_id, expires_at = excluded.expires_at, revoked_at = excluded.revoked_at
    where (api_keys.site_id, api_keys.expires_at, api_keys.revoked_at)
          is distinct from (excluded.site_id, excluded.expires_at, excluded.revoked_at);
  end if;

  if held.epoch > old_epoch or tombstone then
    perform spool_live.ask_to_reauthenticate('site:' || target || ':' || old_epoch);
  end if;
  return jsonb_build_object('version', held.version, 'epoch', held.epoch,
                            'deleted', tombstone, 'applied', true);
end $$;

revoke all on function public.spool_live_mirror(jsonb), spool_live.mirror_site_v1(jsonb) from public;
