-- The database, the role of the connection, and what exists there. Since PostgreSQL 16, membership
-- may exclude the right to become the role.
with relation as (
  select c.oid, n.nspname || '.' || c.relname as name
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where (n.nspname, c.relname) in (('public', 'live_updates'), ('realtime', 'messages'))
), settings as (
  select current_setting('server_version_num')::integer as version_number
)
select current_database() as database,
       current_user as migrator,
       split_part(current_setting('server_version'), ' ', 1) as server_version,
       s.version_number,
       exists (select from relation r where r.name = 'public.live_updates') as has_live_updates,
       exists (select from relation r where r.name = 'realtime.messages') as has_messages,
       exists (select from relation r where r.name = 'realtime.messages'
               and not row_security_active(r.oid)) as sees_messages,
       array(select wanted from unnest(%(api_roles)s::text[]) wanted
             where to_regrole(wanted) is null) as missing_roles,
       array(select wanted from unnest(%(api_roles)s::text[]) wanted
             where to_regrole(wanted) is not null
               and not pg_has_role(to_regrole(wanted), case when s.version_number >= 160000
                                                            then 'set' else 'member' end)
             ) as closed_roles
from settings s
