-- What is connected to, as whom, and what is there to look at.
select current_database() as database,
       current_user as migrator,
       current_setting('server_version') as server_version,
       current_setting('server_version_num')::integer as version_number,
       me.rolsuper or me.rolbypassrls as sees_everything,
       to_regclass('public.live_updates') is not null as has_live_updates,
       to_regclass('realtime.messages') is not null as has_messages,
       array(select wanted from unnest(%(api_roles)s::text[]) wanted
             where to_regrole(wanted) is null) as missing_roles
from pg_catalog.pg_roles me
where me.rolname = current_user
