-- Ways to break the isolation, one at a time. Each block: its name, the findings that must be among
-- those that name it, and the SQL, which a superuser runs. The remedies of the findings must undo
-- it; "healed: no" where they cannot, "healed: same" where another block has tried that remedy.
-- pg_temp.rewrite(function, old, new) changes the text of a function.

--- name: the read policy is dropped
--- caught: RLS-P01 RLS-R01 RLS-X01
drop policy live_updates_read_own_site on public.live_updates;

--- name: the read policy lets everything pass, the fence holds
--- caught: RLS-P02
alter policy live_updates_read_own_site on public.live_updates using (true);

--- name: the fence for tokens is dropped
--- caught: RLS-P01
drop policy live_updates_fence on public.live_updates;

--- name: the fence for anon is dropped
--- caught: RLS-P01
drop policy live_updates_fence_anon on public.live_updates;

--- name: policy and fence let everything pass
--- caught: RLS-P02 RLS-R02 RLS-R03 RLS-R06 RLS-X02
alter policy live_updates_read_own_site on public.live_updates using (true);
alter policy live_updates_fence on public.live_updates using (true);

--- name: policy and fence let one chosen site pass as well
--- caught: RLS-P02
alter policy live_updates_read_own_site on public.live_updates
  using (site_id = (select spool_live.authorized_site_id())
         or site_id = '7b6c1a9e-0000-4000-8000-000000000001');
alter policy live_updates_fence on public.live_updates
  using (site_id = (select spool_live.authorized_site_id())
         or site_id = '7b6c1a9e-0000-4000-8000-000000000001');

--- name: policy and fence trust the claim, whatever became of the key
--- caught: RLS-P02 RLS-R03 RLS-R04 RLS-X02 RLS-X03 RLS-M01
alter policy live_updates_read_own_site on public.live_updates
  using (site_id = (current_setting('request.jwt.claims', true)::jsonb ->> 'site_id')::uuid);
alter policy live_updates_fence on public.live_updates
  using (site_id = (current_setting('request.jwt.claims', true)::jsonb ->> 'site_id')::uuid);

--- name: policy and fence let a claim role of service_role pass
--- caught: RLS-P02 RLS-R02
alter policy live_updates_read_own_site on public.live_updates
  using (site_id = (select spool_live.authorized_site_id())
         or current_setting('request.jwt.claims', true) like '%"role": "service_role"%');
alter policy live_updates_fence on public.live_updates
  using (site_id = (select spool_live.authorized_site_id())
         or current_setting('request.jwt.claims', true) like '%"role": "service_role"%');

--- name: policy and fence trust request headers
--- caught: RLS-P02 RLS-R03
alter policy live_updates_read_own_site on public.live_updates
  using (site_id = (select spool_live.authorized_site_id())
         or position(site_id::text in current_setting('request.headers', true)) > 0);
alter policy live_updates_fence on public.live_updates
  using (site_id = (select spool_live.authorized_site_id())
         or position(site_id::text in current_setting('request.headers', true)) > 0);

--- name: the read policy is for everybody, anon may select, the fence for anon is gone
--- caught: RLS-P02 RLS-P01 RLS-G01 RLS-R05 RLS-X02
alter policy live_updates_read_own_site on public.live_updates to public;
drop policy live_updates_fence_anon on public.live_updates;
grant select on public.live_updates to anon;

--- name: the fence has become permissive
--- caught: RLS-P02
drop policy live_updates_fence on public.live_updates;
create policy live_updates_fence on public.live_updates
  for all to authenticated
  using (site_id = (select spool_live.authorized_site_id())) with check (false);

--- name: the fence is for select only
--- caught: RLS-P02
drop policy live_updates_fence on public.live_updates;
create policy live_updates_fence on public.live_updates as restrictive
  for select to authenticated
  using (site_id = (select spool_live.authorized_site_id()));

--- name: a permissive policy is added
--- caught: RLS-P03
create policy everybody on public.live_updates for select to authenticated using (true);

--- name: a permissive policy is added, and the fence is gone
--- caught: RLS-P03 RLS-P01 RLS-R02 RLS-R03 RLS-X02
create policy everybody on public.live_updates for select to authenticated using (true);
drop policy live_updates_fence on public.live_updates;

--- name: a restrictive policy silences a site's own token
--- caught: RLS-P04 RLS-R01 RLS-X01
create policy only_new on public.live_updates as restrictive for select to authenticated
  using (inserted_at > now() + interval '1 day');

--- name: a policy that raises is added
--- caught: RLS-P04 RLS-R04 RLS-X03
create policy raising on public.live_updates as restrictive for select to authenticated
  using ((current_setting('request.jwt.claims')::json ->> 'sub')::uuid is not null);

--- name: Row Level Security is off
--- caught: RLS-T02 RLS-R02 RLS-R03 RLS-X02
alter table public.live_updates disable row level security;

--- name: Row Level Security is off on the keys
--- caught: RLS-T02
alter table spool_live.api_keys disable row level security;

--- name: Row Level Security is off on the sites
--- caught: RLS-T02
alter table public.sites disable row level security;

--- name: Row Level Security is off on Realtime's messages
--- caught: RLS-T02 RLS-J02 RLS-J03 RLS-J05 RLS-J06 RLS-J07
alter table realtime.messages disable row level security;

--- name: anon may select
--- caught: RLS-G01
grant select on public.live_updates to anon;

--- name: everybody may select
--- caught: RLS-G01
grant select on public.live_updates to public;

--- name: tokens may do everything
--- caught: RLS-G01
grant all on public.live_updates to authenticated;

--- name: tokens may write, and the fence is gone
--- caught: RLS-G01 RLS-P01 RLS-P03 RLS-W01 RLS-W02 RLS-W03 RLS-W04
grant insert, update, delete on public.live_updates to authenticated;
drop policy live_updates_fence on public.live_updates;
create policy writers on public.live_updates for all to authenticated using (true) with check (true);

--- name: tokens may truncate
--- caught: RLS-G01
grant truncate on public.live_updates to authenticated;

--- name: anon may read single columns
--- caught: RLS-G02
grant select (id, metadata) on public.live_updates to anon;

--- name: tokens may change a single column
--- caught: RLS-G02
grant update (metadata) on public.live_updates to authenticated;

--- name: tokens may not select
--- caught: RLS-G03 RLS-R01
revoke select on public.live_updates from authenticated;

--- name: the service role may not insert
--- caught: RLS-G03 RLS-D01
revoke insert on public.live_updates from service_role;

--- name: an API role owns the table
--- caught: RLS-T03 RLS-R02 RLS-R03 RLS-X02
grant create on schema public to authenticated;
alter table public.live_updates owner to authenticated;
revoke create on schema public from authenticated;

--- name: the helper executable by nobody
--- caught: RLS-F06 RLS-R04 RLS-X03
revoke execute on function spool_live.authorized_site_id() from authenticated;

--- name: the topic helper executable by nobody
--- caught: RLS-F06 RLS-J04
revoke execute on function spool_live.authorized_topic() from authenticated;

--- name: the helper executable by everybody
--- caught: RLS-F05
grant execute on function spool_live.authorized_site_id() to public;

--- name: the helper has lost its search_path
--- caught: RLS-F03
alter function spool_live.authorized_site_id() reset search_path;

--- name: the helper looks into schemas of others
--- caught: RLS-F03
alter function spool_live.authorized_topic() set search_path = public, spool_live;

--- name: the helper runs with its caller's rights
--- caught: RLS-F03 RLS-R04 RLS-X03
alter function spool_live.authorized_site_id() security invoker;

--- name: the helper is immutable, so that a plan keeps its first answer
--- caught: RLS-F03 RLS-X02
alter function spool_live.authorized_site_id() immutable;

--- name: the helper belongs to an API role
--- caught: RLS-F04
grant create on schema spool_live to anon;
alter function spool_live.authorized_site_id() owner to anon;
revoke create on schema spool_live from anon;

--- name: the helper belongs to somebody who sees no keys
--- caught: RLS-F04 RLS-R04
create role nobody_special;
grant create on schema spool_live to nobody_special;
alter function spool_live.authorized_site_id() owner to nobody_special;

--- name: the helper does not check the key
--- caught: RLS-F02 RLS-R03 RLS-X02 RLS-J03 RLS-M01
select pg_temp.rewrite('spool_live.authorized_site_id()', 'where k.id = claimed_key
      and k.site_id = claimed_site', 'where k.site_id = claimed_site');

--- name: the helper takes any site for a key
--- caught: RLS-F02 RLS-R03
--- healed: same
select pg_temp.rewrite('spool_live.authorized_site_id()', 'and k.site_id = claimed_site', '');

--- name: the helper believes the claimed site
--- caught: RLS-F02 RLS-R03 RLS-X02 RLS-J03
--- healed: same
select pg_temp.rewrite('spool_live.authorized_site_id()', 'select k.site_id', 'select claimed_site');
select pg_temp.rewrite('spool_live.authorized_site_id()', 'and k.site_id = claimed_site', '');

--- name: the helper does not ask for revocation
--- caught: RLS-F02 RLS-R03 RLS-X02 RLS-J03 RLS-M01
--- healed: same
select pg_temp.rewrite('spool_live.authorized_site_id()', 'and k.revoked_at is null', '');

--- name: the helper does not ask for expiry
--- caught: RLS-F02 RLS-R03 RLS-X02 RLS-J03
--- healed: same
select pg_temp.rewrite('spool_live.authorized_site_id()',
  'and (k.expires_at is null or k.expires_at > now())', '');

--- name: the helper does not ask for deleted sites
--- caught: RLS-F02 RLS-R03 RLS-X02
--- healed: same
select pg_temp.rewrite('spool_live.authorized_site_id()', 'and s.deleted_at is null', '');

--- name: the helper falls back to sub
--- caught: RLS-F02 RLS-R03 RLS-X02
--- healed: same
select pg_temp.rewrite('spool_live.authorized_site_id()', 'claimed_key := (claims ->> ''key_id'')::uuid',
  'claimed_key := coalesce(claims ->> ''sub'', claims ->> ''key_id'')::uuid');
select pg_temp.rewrite('spool_live.authorized_site_id()',
  'or jsonb_typeof(claims -> ''key_id'') is distinct from ''string''', '');

--- name: the helper takes ids from user_metadata
--- caught: RLS-F02 RLS-R03
--- healed: same
select pg_temp.rewrite('spool_live.authorized_site_id()', 'if jsonb_typeof(claims -> ''site_id'')',
  'if jsonb_typeof(claims -> ''user_metadata'') = ''object'' then
    claims := claims -> ''user_metadata'';
  end if;
  if jsonb_typeof(claims -> ''site_id'')');

--- name: the helper raises on what is no JSON
--- caught: RLS-F02 RLS-R04 RLS-X03 RLS-J04
--- healed: same
select pg_temp.rewrite('spool_live.authorized_site_id()',
  'exception when data_exception or program_limit_exceeded then
  return null;', '');

--- name: the helper raises on JSON that is nested too deeply
--- caught: RLS-F02 RLS-R04 RLS-X03
--- healed: same
select pg_temp.rewrite('spool_live.authorized_site_id()', ' or program_limit_exceeded', '');

--- name: the helper does not care for types
--- caught: RLS-F02
--- healed: same
select pg_temp.rewrite('spool_live.authorized_site_id()', 'is distinct from ''string''', '= ''null''');

--- name: the helper swallows every error
--- caught: RLS-F02
--- healed: same
select pg_temp.rewrite('spool_live.authorized_site_id()',
  'when data_exception or program_limit_exceeded', 'when others');

--- name: the topic helper is gone, and with it the policies that ask it
--- caught: RLS-F01 RLS-I02 RLS-J01
drop function spool_live.authorized_topic() cascade;

--- name: the topic policy raises
--- caught: RLS-P02 RLS-J04
alter policy spool_live_join_own_site on realtime.messages
  using (topic = 'site:' || (current_setting('request.jwt.claims')::jsonb ->> 'site_id')::uuid);

--- name: API roles may use the private schema
--- caught: RLS-H01 RLS-S02
grant usage on schema spool_live to anon, authenticated;

--- name: API roles may read the keys
--- caught: RLS-H01 RLS-G01
grant usage on schema spool_live to authenticated;
grant select on spool_live.api_keys to authenticated;

--- name: API roles may read and write the keys, and nothing stops them
--- caught: RLS-H01 RLS-G01 RLS-T02 RLS-S01 RLS-S03
grant usage on schema spool_live to anon;
grant all on spool_live.api_keys to anon;
alter table spool_live.api_keys disable row level security;

--- name: the private schema is exposed
--- caught: RLS-H02
--- healed: no
alter role authenticator set pgrst.db_schemas = 'public, spool_live';

--- name: Realtime's schema is exposed
--- caught: RLS-H02
--- healed: no
alter role authenticator set pgrst.db_schemas = 'public, realtime';

--- name: API roles may create in public
--- caught: RLS-H03
grant create on schema public to authenticated;

--- name: the sites are open
--- caught: RLS-G01 RLS-P01 RLS-P02 RLS-S01
grant select on public.sites to anon;
drop policy spool_live_closed on public.sites;
alter policy spool_live_application on public.sites using (true) with check (true);

--- name: the sites can be changed
--- caught: RLS-G01 RLS-P02 RLS-S03
grant select, update on public.sites to authenticated;
alter policy spool_live_closed on public.sites using (true) with check (true);
alter policy spool_live_application on public.sites using (true) with check (true);

--- name: the sites are open to everybody
--- caught: RLS-G01
grant select on public.sites to public;

--- name: anon may call the mirror
--- caught: RLS-F05 RLS-S02
grant execute on function public.spool_live_mirror(jsonb) to anon;

--- name: tokens may call the cleanup
--- caught: RLS-F05 RLS-S02
grant execute on function public.spool_live_cleanup(timestamptz, integer) to authenticated;

--- name: everybody may call the mirror
--- caught: RLS-F05 RLS-S02
grant execute on function public.spool_live_mirror(jsonb) to public;

--- name: the service role may not call the mirror
--- caught: RLS-F06 RLS-D02
revoke execute on function public.spool_live_mirror(jsonb) from service_role;

--- name: the service role may not clean up
--- caught: RLS-F06 RLS-D03
revoke execute on function public.spool_live_cleanup(timestamptz, integer) from service_role;

--- name: the mirror forgets revocations
--- caught: RLS-F02 RLS-M01
select pg_temp.rewrite('spool_live.mirror_site_v1(jsonb)', 'revoked_at = excluded.revoked_at',
  'revoked_at = null');

--- name: the mirror revokes every key of a site
--- caught: RLS-F02 RLS-M02
--- healed: same
select pg_temp.rewrite('spool_live.mirror_site_v1(jsonb)', 'perform spool_live.ask_to_reauthenticate',
  'delete from spool_live.api_keys k where k.site_id = target;
    perform spool_live.ask_to_reauthenticate');

--- name: the mirror applies older versions
--- caught: RLS-F02 RLS-M01
--- healed: same
select pg_temp.rewrite('spool_live.mirror_site_v1(jsonb)',
  'held.version > (site ->> ''version'')::bigint
     or held.epoch > (site ->> ''epoch'')::bigint
     or', '');

--- name: the mirror keeps the epoch
--- caught: RLS-F02 RLS-M02 RLS-B06
--- healed: same
select pg_temp.rewrite('spool_live.mirror_site_v1(jsonb)', 'epoch = (site ->> ''epoch'')::bigint,', '');

--- name: the mirror brings deleted sites back
--- caught: RLS-F02 RLS-M01
--- healed: same
select pg_temp.rewrite('spool_live.mirror_site_v1(jsonb)',
  'or (held.deleted_at is not null and not tombstone)', '');

--- name: the mirror tells nobody to re-authenticate
--- caught: RLS-F02 RLS-B07
select pg_temp.rewrite('spool_live.ask_to_reauthenticate(text)', 'is not null', 'is null');

--- name: the mirror tells it in public
--- caught: RLS-F02 RLS-B07
--- healed: same
select pg_temp.rewrite('spool_live.ask_to_reauthenticate(text)', 'true, ''{}''', 'false, ''{}''');

--- name: the topic policy is dropped
--- caught: RLS-P01 RLS-J01
drop policy spool_live_join_own_site on realtime.messages;

--- name: the topic policy is widened, the fence holds
--- caught: RLS-P02
alter policy spool_live_join_own_site on realtime.messages using (true);

--- name: the topic policy is widened, and the fence is gone
--- caught: RLS-P02 RLS-P01 RLS-J02 RLS-J03 RLS-J07
alter policy spool_live_join_own_site on realtime.messages using (true);
drop policy spool_live_fence on realtime.messages;

--- name: the topic policy ignores the epoch, the fence too
--- caught: RLS-P02 RLS-J02
alter policy spool_live_join_own_site on realtime.messages
  using (extension = 'broadcast' and split_part(topic, ':', 2) = (select spool_live.authorized_site_id())::text);
alter policy spool_live_fence on realtime.messages
  using (extension = 'broadcast' and split_part(topic, ':', 2) = (select spool_live.authorized_site_id())::text);

--- name: the topic policy compares by pattern, the fence too
--- caught: RLS-P02 RLS-J02
alter policy spool_live_join_own_site on realtime.messages
  using (extension = 'broadcast' and topic like (select spool_live.authorized_topic()) || '%');
alter policy spool_live_fence on realtime.messages
  using (extension = 'broadcast' and topic like (select spool_live.authorized_topic()) || '%');

--- name: the topic policy lets presence pass, the fence too
--- caught: RLS-P02 RLS-J07
alter policy spool_live_join_own_site on realtime.messages
  using (topic = (select spool_live.authorized_topic()));
alter policy spool_live_fence on realtime.messages
  using (topic = (select spool_live.authorized_topic()));

--- name: a second permissive policy on Realtime's messages
--- caught: RLS-P05
--- healed: no
create policy everybody_listens on realtime.messages for select to authenticated using (true);

--- name: a second permissive policy on Realtime's messages, and the fence is gone
--- caught: RLS-P05 RLS-P01 RLS-J02 RLS-J03
--- healed: no
create policy everybody_listens on realtime.messages for select to authenticated using (true);
drop policy spool_live_fence on realtime.messages;

--- name: a policy by Realtime's own topic function, and the fence is gone
--- caught: RLS-P05 RLS-P01 RLS-J05
--- healed: no
create policy sites_are_public on realtime.messages for select to anon
  using (realtime.topic() like 'site:%');
drop policy spool_live_fence on realtime.messages;

--- name: an insert policy on Realtime's messages, and the fence is gone
--- caught: RLS-P05 RLS-P01 RLS-J06
--- healed: no
create policy everybody_sends on realtime.messages for insert to authenticated with check (true);
drop policy spool_live_fence on realtime.messages;

--- name: a restrictive policy on Realtime's messages silences sites
--- caught: RLS-P04 RLS-J01
create policy only_chats on realtime.messages as restrictive for select to authenticated
  using (topic like 'chat:%');

--- name: the topic helper answers an old epoch
--- caught: RLS-F02 RLS-J01 RLS-J02
select pg_temp.rewrite('spool_live.authorized_topic()', '|| s.epoch', '|| (s.epoch - 1)');

--- name: the topic helper believes the claim
--- caught: RLS-F02 RLS-J03
--- healed: same
select pg_temp.rewrite('spool_live.authorized_topic()', 's.site_id = spool_live.authorized_site_id()',
  's.site_id::text = current_setting(''request.jwt.claims'', true)::jsonb ->> ''site_id''');

--- name: broadcasts are not private
--- caught: RLS-F02 RLS-B03
select pg_temp.rewrite('spool_live.broadcast_new_updates()', '''live_updates'', true', '''live_updates'', false');

--- name: broadcasts go to a topic without epoch
--- caught: RLS-F02 RLS-B02
--- healed: same
select pg_temp.rewrite('spool_live.broadcast_new_updates()', ' || '':'' || part.epoch', '');

--- name: all sites' broadcasts go to one topic
--- caught: RLS-F02 RLS-B02
--- healed: same
select pg_temp.rewrite('spool_live.broadcast_new_updates()', '''site:'' || part.site_id || '':'' || part.epoch',
  '''all-sites''');

--- name: sites are mixed in one broadcast
--- caught: RLS-F02 RLS-B02
--- healed: same
select pg_temp.rewrite('spool_live.broadcast_new_updates()', '''site:'' || part.site_id',
  '''site:'' || min(part.site_id::text)');
select pg_temp.rewrite('spool_live.broadcast_new_updates()', 'group by part.site_id, part.epoch, part.by_count, part.by_size
  order by part.site_id, part.by_count, part.by_size', 'group by part.epoch, part.by_count, part.by_size');
select pg_temp.rewrite('spool_live.broadcast_new_updates()', 's.epoch, as_json', '3 as epoch, as_json');

--- name: broadcasts have another event
--- caught: RLS-F02 RLS-B04
--- healed: same
select pg_temp.rewrite('spool_live.broadcast_new_updates()', '''live_updates'', true', '''INSERT'', true');

--- name: broadcasts lack a field
--- caught: RLS-F02 RLS-B04
--- healed: same
select pg_temp.rewrite('spool_live.broadcast_new_updates()', ', ''seq'', n.seq)', ')');

--- name: broadcasts tell the whole row
--- caught: RLS-F02 RLS-B04
--- healed: same
select pg_temp.rewrite('spool_live.broadcast_new_updates()', '''id'', n.id,',
  '''id'', n.id, ''inserted_at'', n.inserted_at,');

--- name: broadcasts are not cut by number
--- caught: RLS-F02 RLS-B05
--- healed: same
select pg_temp.rewrite('spool_live.broadcast_new_updates()', '/ 100 as by_count', '/ 10000 as by_count');

--- name: broadcasts are not cut by size
--- caught: RLS-F02 RLS-B05
--- healed: same
select pg_temp.rewrite('spool_live.broadcast_new_updates()', '/ 80000 as by_size', '/ 80000000 as by_size');

--- name: broadcasts lose their order
--- caught: RLS-F02 RLS-B01
--- healed: same
select pg_temp.rewrite('spool_live.broadcast_new_updates()', 'order by n.seq nulls last', 'order by n.seq desc');

--- name: deleted sites go on broadcasting
--- caught: RLS-F02 RLS-B06
--- healed: same
select pg_temp.rewrite('spool_live.broadcast_new_updates()', 'and s.deleted_at is null', '');

--- name: broadcasts go to the topic of the last epoch as well
--- caught: RLS-F02 RLS-B06 RLS-B02
--- healed: same
select pg_temp.rewrite('spool_live.broadcast_new_updates()', '  return null;
exception',
  '  insert into realtime.messages (topic, extension, event, private, payload)
  select ''site:'' || n.site_id || '':'' || (s.epoch - 1), ''broadcast'', ''live_updates'', true,
    jsonb_build_object(''epoch'', s.epoch - 1, ''changes'', jsonb_build_array(to_jsonb(n)))
  from new_rows n join spool_live.sites s using (site_id);
  return null;
exception');

--- name: the broadcast trigger always fails, quietly
--- caught: RLS-F02 RLS-B01
--- healed: same
select pg_temp.rewrite('spool_live.broadcast_new_updates()', 'if to_regclass(''realtime.messages'') is null then',
  'perform 1 / 0; if false then');

--- name: the broadcast trigger is disabled
--- caught: RLS-N02 RLS-B01
alter table public.live_updates disable trigger live_updates_broadcast;

--- name: the broadcast trigger fires for replicas only
--- caught: RLS-N02 RLS-B01
alter table public.live_updates enable replica trigger live_updates_broadcast;

--- name: the broadcast trigger is dropped
--- caught: RLS-N01 RLS-B01
drop trigger live_updates_broadcast on public.live_updates;

--- name: the broadcast trigger has a condition
--- caught: RLS-N01
drop trigger live_updates_broadcast on public.live_updates;
create trigger live_updates_broadcast after insert on public.live_updates
  referencing new table as new_rows
  for each statement when (current_user <> 'somebody')
  execute function spool_live.broadcast_new_updates();

--- name: another trigger broadcasts each row to an open topic
--- caught: RLS-N03 RLS-B03 RLS-B04
create function public.tell_all() returns trigger language plpgsql security definer as $$
begin
  insert into realtime.messages (topic, extension, event, private, payload)
  values ('updates', 'broadcast', 'INSERT', false, to_jsonb(new));
  return null;
end $$;
revoke execute on function public.tell_all() from public;
create trigger tell_all after insert on public.live_updates
  for each row execute function public.tell_all();

--- name: a rewrite rule copies updates elsewhere
--- caught: RLS-T06
create table public.copied (id uuid);
revoke all on public.copied from anon, authenticated;
create rule copied as on insert to public.live_updates do also insert into public.copied values (new.id);

--- name: a table inherits from the feed
--- caught: RLS-T05
create table public.old_updates () inherits (public.live_updates);
revoke all on public.old_updates from anon, authenticated;

--- name: the feed inherits from a table that is read
--- caught: RLS-T05
create table public.everything (like public.live_updates);
alter table public.everything enable row level security;
revoke all on public.everything from anon, authenticated;
alter table public.live_updates inherit public.everything;

--- name: the replica identity is full
--- caught: RLS-T07
alter table public.live_updates replica identity full;

--- name: a private table is gone
--- caught: RLS-T01 RLS-I02
--- healed: no
drop table spool_live.api_keys cascade;

--- name: the feed is a view
--- caught: RLS-T04
--- healed: no
alter table public.live_updates rename to live_updates_real;
create view public.live_updates as select * from public.live_updates_real;
grant select on public.live_updates to authenticated;

--- name: the publication publishes deletions
--- caught: RLS-U02
alter publication supabase_realtime set (publish = 'insert, delete');

--- name: the publication publishes truncations
--- caught: RLS-U02
alter publication supabase_realtime set (publish = 'insert, truncate');

--- name: the publication lacks the feed
--- caught: RLS-U01
alter publication supabase_realtime drop table public.live_updates;

--- name: the publication holds the keys
--- caught: RLS-U03
alter publication supabase_realtime add table spool_live.api_keys;

--- name: the publication is for all tables
--- caught: RLS-U03
--- healed: no
drop publication supabase_realtime;
create publication supabase_realtime for all tables with (publish = 'insert');

--- name: another table in a publication of inserts only
--- caught: RLS-U05
--- healed: no
create table public.chat (id integer primary key);
revoke all on public.chat from anon, authenticated;
alter publication supabase_realtime add table public.chat;

--- name: the publication holds all tables of our schema
--- caught: RLS-U03
alter publication supabase_realtime add tables in schema spool_live;

--- name: the keys may be read but for a policy
--- caught: RLS-P01
drop policy spool_live_closed on spool_live.api_keys;

--- name: the publication filters rows
--- caught: RLS-U04
alter publication supabase_realtime drop table public.live_updates;
alter publication supabase_realtime add table public.live_updates where (collection <> 'secret');

--- name: the publication lists columns
--- caught: RLS-U04
alter publication supabase_realtime drop table public.live_updates;
alter publication supabase_realtime add table public.live_updates (id, site_id);

--- name: a view shows the feed with its owner's rights
--- caught: RLS-E04
create view public.all_updates as select * from public.live_updates;
grant select on public.all_updates to authenticated;

--- name: a view over a view shows the feed
--- caught: RLS-E04
create view public.some_updates as select * from public.live_updates;
create view public.few_updates as select * from public.some_updates;
revoke all on public.some_updates from anon, authenticated;
grant select on public.few_updates to anon;

--- name: a materialized view keeps the feed
--- caught: RLS-E04
create materialized view public.kept_updates as select * from public.live_updates;
grant select on public.kept_updates to anon;

--- name: a function hands out the feed with its owner's rights
--- caught: RLS-E05
create function public.recent_updates() returns setof public.live_updates
language sql stable security definer as $$ select * from public.live_updates $$;
grant execute on function public.recent_updates() to anon;

--- name: a function with its owner's rights
--- caught: RLS-E06
create function public.do_things() returns integer
language sql stable security definer as $$ select 1 $$;
alter function public.do_things() owner to postgres;

--- name: a function with a superuser's rights
--- caught: RLS-E10
create function public.do_more() returns integer
language sql stable security definer as $$ select 1 $$;

--- name: a table of somebody else's trigger looks into the feed
--- caught: RLS-E12
create table public.notes (id integer primary key, last jsonb);
create function public.look() returns trigger language plpgsql security definer as $$
begin
  new.last := (select to_jsonb(u) from public.live_updates u limit 1);
  return new;
end $$;
alter function public.look() owner to postgres;
revoke execute on function public.look() from public;
create trigger look before insert on public.notes for each row execute function public.look();
alter table public.notes enable row level security;
grant insert on public.notes to anon;

--- name: a foreign table is exposed
--- caught: RLS-E09
create foreign data wrapper elsewhere;
create server elsewhere foreign data wrapper elsewhere;
create foreign table public.remote (id integer) server elsewhere;
grant select on public.remote to anon;

--- name: a function in C that belongs to no extension
--- caught: RLS-E11
create function public.opaque(text) returns text language internal as 'quote_ident';

--- name: a function reads settings, one of which is a secret
--- caught: RLS-E13
create function public.setting(name text) returns text language sql as $$ select current_setting(name) $$;
alter database postgres set app.settings.jwt_secret = 'not so secret';

--- name: what is copied from Realtime's messages is shown in a view
--- caught: RLS-E04
create schema hidden;
create table hidden.copy (payload jsonb);
create function hidden.keep() returns trigger language plpgsql security definer as $$
begin insert into hidden.copy values (new.payload); return null; end $$;
create trigger keep after insert on realtime.messages for each row execute function hidden.keep();
create view public.latest as select * from hidden.copy;
grant select on public.latest to anon;

--- name: a function of Supabase's that we do not know
--- caught: RLS-E14
--- healed: no
create schema storage;
create function storage.something_new() returns integer language sql as $$ select 1 $$;
alter role authenticator set pgrst.db_schemas = 'public, storage';
grant usage on schema storage to anon;

--- name: a function runs any SQL that it gets
--- caught: RLS-E08
create function public.exec_sql(query text) returns void
language plpgsql as $$ begin execute query; end $$;

--- name: a function becomes another role
--- caught: RLS-E08
create function public.as_admin() returns text
language sql as $$ select set_config('role', 'service_role', true) $$;

--- name: a table of another app without Row Level Security
--- caught: RLS-E02
create table public.notes (id integer primary key);
grant select on public.notes to anon;

--- name: a table of another app behind policies
--- caught: RLS-E03
create table public.notes (id integer primary key);
alter table public.notes enable row level security;
create policy notes on public.notes for select to authenticated using (true);
grant select on public.notes to authenticated;

--- name: anon bypasses Row Level Security
--- caught: RLS-A01
alter role anon bypassrls;

--- name: tokens bypass Row Level Security
--- caught: RLS-A01 RLS-R02 RLS-R03 RLS-X02 RLS-J02 RLS-J03
alter role authenticated bypassrls;

--- name: tokens can become a superuser
--- caught: RLS-A01
grant supabase_admin to authenticated;

--- name: tokens can become the owner of Realtime's messages
--- caught: RLS-T03 RLS-J05 RLS-J06
grant supabase_realtime_admin to authenticated;

--- name: a role that bypasses Row Level Security can be named
--- caught: RLS-A01
create role reporting bypassrls;
grant reporting to authenticator;

--- name: the login is a superuser
--- caught: RLS-A01
alter role authenticator superuser;

--- name: tokens are members of the role that reads all data
--- caught: RLS-A02 RLS-S01
grant pg_read_all_data to authenticated;

--- name: anon inherits the right to write all data
--- caught: RLS-A02
alter role anon inherit;
grant pg_write_all_data to anon;

--- name: every request of anon becomes another role's
--- caught: RLS-A04
alter role anon set role = 'service_role';

--- name: every request of tokens has the same claims
--- caught: RLS-A04
alter role authenticated set request.jwt.claims = '{"role": "authenticated"}';

--- name: every request of the database has claims
--- caught: RLS-A04
alter database postgres set request.jwt.claims = '{}';

--- name: requests without a token are the service role's
--- caught: RLS-A04
alter role authenticator set pgrst.db_anon_role = 'service_role';

--- name: users choose their role in their metadata
--- caught: RLS-A04
alter role authenticator set pgrst.jwt_role_claim_key = '.user_metadata.role';

--- name: tokens' role can log in
--- caught: RLS-A05
alter role authenticated login password 'guess';

--- name: anon inherits the rights of tokens
--- caught: RLS-G01 RLS-J05
alter role anon inherit;
grant authenticated to anon;

--- name: the service role is bound by policies
--- caught: RLS-D01 RLS-D04
alter role service_role nobypassrls;

--- name: another role can be named, reads through a policy of its own, and joins
--- caught: RLS-P03 RLS-P05 RLS-G01 RLS-R05 RLS-X02 RLS-J05
--- healed: no
create role live_reader;
grant live_reader to authenticator;
grant select on public.live_updates to live_reader;
create policy live_reader on public.live_updates for select to live_reader using (true);
grant usage on schema realtime to live_reader;
grant select on realtime.messages to live_reader;
create policy live_reader on realtime.messages for select to live_reader using (true);

--- name: a role that we cannot attack as can be named
--- caught: RLS-A03
--- healed: no
create role reporting;
grant reporting to authenticator;
revoke authenticator from postgres;

--- name: no partition for messages of today
--- caught: RLS-I01
--- healed: no
do $$ begin
  execute format('drop table realtime.%I', 'messages_' || to_char(now() at time zone 'utc', 'YYYY_MM_DD'));
end $$;

--- name: Realtime's messages are gone
--- caught: RLS-I01
--- healed: no
drop table realtime.messages cascade;

--- name: sites want more than we know
--- caught: RLS-I02
--- healed: no
alter table public.sites add column verified boolean check (verified is true and name <> 'verify_rls probe');

--- name: the unique key of a site's sequence is gone
--- caught: RLS-C02
alter table public.live_updates drop constraint live_updates_site_seq;

--- name: the primary key of the keys is gone
--- caught: RLS-C02
alter table spool_live.api_keys drop constraint api_keys_pkey;

--- name: the primary key of the sites is gone, and what refers to it
--- caught: RLS-C02 RLS-C03
alter table spool_live.sites drop constraint sites_pkey cascade;

--- name: the unique key has another column
--- caught: RLS-C02
alter table public.live_updates drop constraint live_updates_site_seq;
alter table public.live_updates add constraint live_updates_site_seq unique (site_id, seq, id);

--- name: the check of event types is gone
--- caught: RLS-C03
alter table public.live_updates drop constraint live_updates_event_type_check;

--- name: the check of event types takes another
--- caught: RLS-C03
alter table public.live_updates drop constraint live_updates_event_type_check;
alter table public.live_updates add constraint live_updates_event_type_check check (event_type <> '');

--- name: the check of event types is not validated
--- caught: RLS-C03
alter table public.live_updates drop constraint live_updates_event_type_check;
alter table public.live_updates add constraint live_updates_event_type_check check (event_type in
  ('content.created', 'content.updated', 'content.published', 'content.deleted')) not valid;

--- name: the check of epochs is gone
--- caught: RLS-C03
alter table spool_live.sites drop constraint sites_epoch_check;

--- name: updates refer to no site
--- caught: RLS-C03
alter table public.live_updates drop constraint live_updates_site_id_fkey;

--- name: keys refer to no site
--- caught: RLS-C03
alter table spool_live.api_keys drop constraint api_keys_site_id_fkey;

--- name: keys of a deleted site stay
--- caught: RLS-C03
alter table spool_live.api_keys drop constraint api_keys_site_id_fkey;
alter table spool_live.api_keys add constraint api_keys_site_id_fkey
  foreign key (site_id) references spool_live.sites (site_id);

--- name: the foreign key of keys is not kept
--- caught: RLS-C04
alter table spool_live.api_keys disable trigger all;

--- name: the deletion of a site does not reach its keys
--- caught: RLS-C04
alter table spool_live.sites disable trigger all;

--- name: the foreign key of updates is not kept
--- caught: RLS-C04 RLS-N02
alter table public.live_updates disable trigger all;

--- name: another constraint refuses some updates
--- caught: RLS-C03
alter table public.live_updates add constraint odd check (collection <> 'articles');

--- name: another unique key refuses some updates
--- caught: RLS-C02
alter table public.live_updates add constraint odd unique (collection, slug);

--- name: a unique index refuses some updates
--- caught: RLS-C05
create unique index odd on public.live_updates (item_id);

--- name: an index runs a function on every update
--- caught: RLS-C05
create function public.odd(text) returns text language sql immutable as 'select $1';
create index odd on public.live_updates (public.odd(collection));

--- name: the index of sites and times is gone
--- caught: RLS-C05
drop index public.live_updates_site_timestamp;

--- name: the index for cleanup is a btree
--- caught: RLS-C05
drop index public.live_updates_inserted_at;
create index live_updates_inserted_at on public.live_updates (inserted_at);

--- name: the sequence number is an integer
--- caught: RLS-C01
alter table public.live_updates alter column seq type integer;

--- name: updates have a sequence number by default
--- caught: RLS-C01
alter table public.live_updates alter column seq set default 0;

--- name: updates may lack their site
--- caught: RLS-C01
alter table public.live_updates alter column site_id drop not null;

--- name: updates may lack the moment that cleanup goes by
--- caught: RLS-C01
alter table public.live_updates alter column inserted_at drop not null;
alter table public.live_updates alter column inserted_at drop default;

--- name: the moment of insertion is another
--- caught: RLS-C01
alter table public.live_updates alter column inserted_at set default now() + interval '1 year';

--- name: keys do not expire
--- caught: RLS-C01
--- healed: no
alter table spool_live.api_keys rename column expires_at to expires;

--- name: a key has another column
--- caught: RLS-C01
--- healed: no
alter table spool_live.api_keys add column secret text;

--- name: the epoch has a default
--- caught: RLS-C01
alter table spool_live.sites alter column epoch set default 1;

--- name: the keys are lost when the server crashes
--- caught: RLS-T04
alter table spool_live.api_keys set unlogged;

--- name: the feed is forced upon its owner
--- caught: RLS-T04
alter table public.live_updates force row level security;

--- name: a trigger on the keys prolongs them
--- caught: RLS-N03 RLS-M01
create schema hidden;
create function hidden.prolong() returns trigger language plpgsql as $$
begin new.revoked_at := null; return new; end $$;
create trigger prolong before insert or update on spool_live.api_keys
  for each row execute function hidden.prolong();

--- name: a trigger on the keys prolongs those of one site
--- caught: RLS-N03
create schema hidden;
create function hidden.prolong() returns trigger language plpgsql as $$
begin
  if new.site_id = '7b6c1a9e-0000-4000-8000-000000000001' then new.revoked_at := null; end if;
  return new;
end $$;
create trigger prolong before insert or update on spool_live.api_keys
  for each row execute function hidden.prolong();

--- name: a rule keeps keys from being deleted
--- caught: RLS-T06 RLS-M01
create rule keep as on delete to spool_live.api_keys do instead nothing;

--- name: a rule keeps epochs
--- caught: RLS-T06
create rule keep as on update to spool_live.sites where new.epoch > 1000 do instead nothing;

--- name: a trigger on the sites keeps their epoch
--- caught: RLS-N03
create schema hidden;
create function hidden.keep() returns trigger language plpgsql as $$
begin new.epoch := old.epoch; return new; end $$;
create trigger keep before update on spool_live.sites
  for each row when (new.site_id = '7b6c1a9e-0000-4000-8000-000000000001')
  execute function hidden.keep();

--- name: a trigger on Realtime's messages opens them
--- caught: RLS-N03 RLS-B03
create schema hidden;
create function hidden.open() returns trigger language plpgsql as $$
begin new.private := false; return new; end $$;
create trigger open before insert on realtime.messages for each row execute function hidden.open();

--- name: a trigger on today's partition of Realtime's messages copies
--- caught: RLS-N03
create schema hidden;
create table hidden.copy (payload jsonb);
create function hidden.keep() returns trigger language plpgsql as $$
begin insert into hidden.copy values (new.payload); return null; end $$;
do $$ begin
  execute format('create trigger keep after insert on realtime.%I for each row execute function hidden.keep()',
                 'messages_' || to_char(now() at time zone 'utc', 'YYYY_MM_DD'));
end $$;

--- name: a rule on Realtime's messages copies
--- caught: RLS-T06
create schema hidden;
create table hidden.copy (payload jsonb);
create rule keep as on insert to realtime.messages do also insert into hidden.copy values (new.payload);

--- name: a table inherits from the keys
--- caught: RLS-T05
create table public.old_keys () inherits (spool_live.api_keys);
revoke all on public.old_keys from anon, authenticated;

--- name: the keys inherit from a table that is read
--- caught: RLS-T05
create table public.all_keys (like spool_live.api_keys);
alter table public.all_keys enable row level security;
revoke all on public.all_keys from anon, authenticated;
alter table spool_live.api_keys inherit public.all_keys;

--- name: another function has the mirror's name
--- caught: RLS-C06
create function public.spool_live_mirror(text) returns jsonb language sql as $$ select '{}'::jsonb $$;

--- name: a function of somebody else is in our schema
--- caught: RLS-C06
create function spool_live.extra() returns integer language sql as 'select 1';

--- name: a view of somebody else is in our schema
--- caught: RLS-C06
create view spool_live.extra as select * from spool_live.api_keys;

--- name: a table of somebody else is in our schema
--- caught: RLS-C06
--- healed: no
create table spool_live.extra (id integer);

--- name: the secret of tokens can be read from the settings
--- caught: RLS-A04
alter role authenticator set pgrst.jwt_secret = 'known to everybody who may read settings';

--- name: another secret is in a setting
--- caught: RLS-A09
alter database postgres set app.settings.jwt_secret = 'known';

--- name: a request begins with a function that makes everybody the service role
--- caught: RLS-E08
create schema hidden;
grant usage on schema hidden to anon, authenticated;
create function hidden.begin() returns void language plpgsql as $$
begin perform set_config('role', 'service_role', true); end $$;
alter role authenticator set pgrst.db_pre_request = 'hidden.begin';

--- name: a request begins with a function that is not there
--- caught: RLS-A07
alter role authenticator set pgrst.db_pre_request = 'public.nothing';

--- name: answers show plans
--- caught: RLS-A04
alter role authenticator set pgrst.db_plan_enabled = 'true';

--- name: PostgREST has a setting that is not known
--- caught: RLS-A04
alter role authenticator set pgrst.new_setting = 'x';

--- name: tokens for somebody else are taken
--- caught: RLS-A04
alter role authenticator set pgrst.jwt_aud = 'other';

--- name: requests of tokens have no time
--- caught: RLS-A07
alter role authenticated set statement_timeout = '1ms';

--- name: the service role waits for no lock
--- caught: RLS-A07
alter role service_role set lock_timeout = '10ms';

--- name: the service role only reads
--- caught: RLS-A07
alter role service_role set default_transaction_read_only = on;

--- name: the database only reads
--- caught: RLS-A07
alter database postgres set default_transaction_read_only = on;

--- name: everything compares with null
--- caught: RLS-A07
alter role authenticated set transform_null_equals = on;

--- name: the login speaks another encoding
--- caught: RLS-A07
alter role authenticator set client_encoding = 'LATIN1';

--- name: the database ignores policies where it can
--- caught: RLS-A04
alter database postgres set row_security = off;

--- name: triggers do not fire for the service role
--- caught: RLS-A04
alter role service_role set session_replication_role = 'replica';

--- name: variables win over columns in all functions
--- caught: RLS-A04
alter database postgres set plpgsql.variable_conflict = 'use_variable';

--- name: a library is loaded into every session
--- caught: RLS-A04
alter role authenticator set session_preload_libraries = 'auto_explain';

--- name: a setting that we do not know
--- caught: RLS-A08
alter role authenticated set lo_compat_privileges = on;

--- name: the topic is set for everybody
--- caught: RLS-A04
alter role authenticated set realtime.topic = 'site:x';

--- name: anon may create roles
--- caught: RLS-A06
alter role anon createrole;

--- name: tokens may read the WAL
--- caught: RLS-A06
alter role authenticated replication;

--- name: anon may read the server's files
--- caught: RLS-A02
grant pg_read_server_files to anon;

--- name: tokens see what others ask
--- caught: RLS-A02
grant pg_monitor to authenticated;

--- name: a deleted key goes on
--- caught: RLS-F02 RLS-M01
select pg_temp.rewrite('spool_live.mirror_site_v1(jsonb)', 'where k.site_id = target
      and k.id not in', 'where false and k.id not in');

--- name: an expiry that is brought forward is not noticed
--- caught: RLS-F02 RLS-M01
--- healed: same
select pg_temp.rewrite('spool_live.mirror_site_v1(jsonb)', 'expires_at = excluded.expires_at,', '');

--- name: an event trigger refuses what is made
--- caught: RLS-N04
create schema hidden;
create function hidden.refuse() returns event_trigger language plpgsql as $$
begin raise exception 'nothing new here'; end $$;
create event trigger refuse on ddl_command_end when tag in ('CREATE FUNCTION', 'CREATE TABLE')
  execute function hidden.refuse();

--- name: the policies let one real site read everything
--- caught: RLS-P02 RLS-M03
insert into public.sites (id, name) values ('7b6c1a9e-0000-4000-8000-000000000001', 'one'),
  ('7b6c1a9e-0000-4000-8000-000000000002', 'two');
select public.spool_live_mirror('{"site_id": "7b6c1a9e-0000-4000-8000-000000000001", "version": 1,
  "epoch": 1, "api_keys": [{"id": "7b6c1a9e-0000-4000-8000-000000000003"}]}');
insert into public.live_updates (site_id, event_type, collection, item_id, seq)
values ('7b6c1a9e-0000-4000-8000-000000000002', 'content.updated', 'x', gen_random_uuid(), 1);
alter policy live_updates_read_own_site on public.live_updates
  using (site_id = (select spool_live.authorized_site_id())
         or (select spool_live.authorized_site_id()) = '7b6c1a9e-0000-4000-8000-000000000001');
alter policy live_updates_fence on public.live_updates
  using (site_id = (select spool_live.authorized_site_id())
         or (select spool_live.authorized_site_id()) = '7b6c1a9e-0000-4000-8000-000000000001');

--- name: the policies silence one real site
--- caught: RLS-P04 RLS-M04
insert into public.sites (id, name) values ('7b6c1a9e-0000-4000-8000-000000000001', 'one');
select public.spool_live_mirror('{"site_id": "7b6c1a9e-0000-4000-8000-000000000001", "version": 1,
  "epoch": 1, "api_keys": [{"id": "7b6c1a9e-0000-4000-8000-000000000003"}]}');
insert into public.live_updates (site_id, event_type, collection, item_id, seq)
values ('7b6c1a9e-0000-4000-8000-000000000001', 'content.updated', 'x', gen_random_uuid(), 1);
create policy not_this on public.live_updates as restrictive for select to authenticated
  using (site_id <> '7b6c1a9e-0000-4000-8000-000000000001');

--- name: a revoked key of one real site goes on
--- caught: RLS-F02 RLS-M03
--- healed: same
insert into public.sites (id, name) values ('7b6c1a9e-0000-4000-8000-000000000001', 'one');
select public.spool_live_mirror('{"site_id": "7b6c1a9e-0000-4000-8000-000000000001", "version": 1,
  "epoch": 1, "api_keys": [{"id": "7b6c1a9e-0000-4000-8000-000000000003",
                            "revoked_at": "2020-01-01T00:00:00Z"}]}');
insert into public.live_updates (site_id, event_type, collection, item_id, seq)
values ('7b6c1a9e-0000-4000-8000-000000000001', 'content.updated', 'x', gen_random_uuid(), 1);
select pg_temp.rewrite('spool_live.authorized_site_id()', 'and k.revoked_at is null',
  'and (k.revoked_at is null or k.site_id = ''7b6c1a9e-0000-4000-8000-000000000001'')');
