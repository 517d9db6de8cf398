-- spool_live.authorized_site_id
select coalesce(to_jsonb(spool_live.authorized_site_id()), 'null')

-- spool_live.authorized_topic
select coalesce(to_jsonb(spool_live.authorized_topic()), 'null')

-- spool_live.ask_to_reauthenticate
select to_jsonb(spool_live.ask_to_reauthenticate(:'topic_b')::text)

-- public.spool_live_mirror
select public.spool_live_mirror(
  jsonb_build_object('site_id', :'site_b', 'version', 1, 'epoch', 1, 'api_keys', '[]'::jsonb))

-- public.spool_live_cleanup
select public.spool_live_cleanup('-infinity', 0)
