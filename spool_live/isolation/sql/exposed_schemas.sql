-- What PostgREST is told to expose, where it is told so in the database; else null.
select coalesce(
  (select split_part(setting, '=', 2)
   from pg_catalog.pg_db_role_setting s
   join pg_catalog.pg_roles r on r.oid = s.setrole and r.rolname = 'authenticator'
   cross join lateral unnest(s.setconfig) setting
   where split_part(setting, '=', 1) = 'pgrst.db_schemas'
     and s.setdatabase in (0, (select oid from pg_catalog.pg_database
                               where datname = current_database()))
   order by s.setdatabase desc
   limit 1),
  current_setting('pgrst.db_schemas', true)) as schemas
