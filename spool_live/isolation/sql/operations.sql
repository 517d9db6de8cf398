-- asks for site B
select to_jsonb(count(*)) from (
  select u.id from public.live_updates u where u.site_id = :'site_b' limit 5) few

-- asks for site B's update by its id
select to_jsonb(count(*)) from public.live_updates u where u.id = :'update_b'

-- asks for site B's update, or true
select to_jsonb(count(*)) from public.live_updates u where u.id = :'update_b' and (u.slug = '' or true)

-- divides by zero where site B's update is
select to_jsonb(count(*)) from public.live_updates u
where u.id = :'update_b' and 1 / (u.site_id <> :'site_b')::integer = 1

-- casts what site B's update holds to what it is not
select to_jsonb(count(*)) from public.live_updates u
where u.id = :'update_b' and u.collection::integer = 1

-- reaches site B's update from its own
select to_jsonb(count(*)) from public.live_updates own
join public.live_updates other on other.id = :'update_b' and other.site_id <> own.site_id
where own.id = :'update_a'

-- asks whether site B's update exists
select to_jsonb(true) where exists (select from public.live_updates u where u.id = :'update_b')

-- reads a window over both updates
select to_jsonb(max(two.n) > 1) from (
  select count(*) over () as n from public.live_updates u where u.id in (:'update_a', :'update_b')) two

-- leaves the children out
select to_jsonb(count(*)) from only public.live_updates u where u.id = :'update_b'

-- reads the statistics of the table
select to_jsonb(count(*)) from pg_catalog.pg_stats s
where s.schemaname = 'public' and s.tablename = 'live_updates'
