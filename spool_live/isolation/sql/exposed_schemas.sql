-- The schemas that PostgREST exposes, and those it searches, if the database configures them; else null.
with configured as (
  select split_part(setting, '=', 1) as name, split_part(setting, '=', 2) as value, s.setdatabase
  from pg_catalog.pg_db_role_setting s
  join pg_catalog.pg_roles r on r.oid = s.setrole and r.rolname = 'authenticator'
  cross join lateral unnest(s.setconfig) setting
  where s.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
)
select coalesce((select value from configured where name = 'pgrst.db_schemas' order by setdatabase desc limit 1),
                current_setting('pgrst.db_schemas', true)) as schemas,
       coalesce((select value from configured where name = 'pgrst.db_extra_search_path'
                 order by setdatabase desc limit 1),
                current_setting('pgrst.db_extra_search_path', true)) as searched
