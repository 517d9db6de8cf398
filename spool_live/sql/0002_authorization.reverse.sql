drop function if exists spool_live.authorized_topic();
drop function if exists spool_live.authorized_site_id();
drop table if exists spool_live.api_keys;
drop table if exists spool_live.sites;
drop schema if exists spool_live;
