-- public.sites: insert
insert into public.sites (id, name) values (gen_random_uuid(), 'verify_rls')

-- public.sites: update
update public.sites set name = 'taken' where id = :'site_b'

-- public.sites: delete
delete from public.sites where id = :'site_b'

-- spool_live.sites: update
update spool_live.sites set epoch = epoch + 1 where site_id = :'site_b'

-- spool_live.api_keys: insert
insert into spool_live.api_keys (id, site_id) values (gen_random_uuid(), :'site_b')

-- spool_live.api_keys: update
update spool_live.api_keys set revoked_at = null where id = :'key_a_revoked'

-- spool_live.api_keys: delete
delete from spool_live.api_keys where id = :'key_b'
