-- insert an update of site A
insert into public.live_updates (site_id, event_type, collection, item_id)
values (:'site_a', 'content.updated', 'verify_rls', gen_random_uuid())

-- insert an update of site B
insert into public.live_updates (site_id, event_type, collection, item_id)
values (:'site_b', 'content.updated', 'verify_rls', gen_random_uuid())

-- insert or change an update of site A
insert into public.live_updates (id, site_id, event_type, collection, item_id)
values (:'update_a', :'site_a', 'content.updated', 'verify_rls', gen_random_uuid())
on conflict (id) do update set collection = 'taken'

-- update an update of site A
update public.live_updates set collection = 'taken' where id = :'update_a'

-- update an update of site B
update public.live_updates set collection = 'taken' where id = :'update_b'

-- update: move an update of site A to site B
update public.live_updates set site_id = :'site_b', seq = null where id = :'update_a'

-- delete an update of site A
delete from public.live_updates where id = :'update_a'

-- delete an update of site B
delete from public.live_updates where id = :'update_b'

-- lock an update of site A
select to_jsonb(count(*)) from (
  select u.id from public.live_updates u where u.id = :'update_a' for update) locked

-- lock an update of site B
select to_jsonb(count(*)) from (
  select u.id from public.live_updates u where u.id = :'update_b' for share) locked
