-- Settings of the API roles, of PostgREST's login, and of all roles of this database. PostgREST applies
-- those of a role to each of its requests, and reads its own configuration from those of its login.
select coalesce(r.rolname::text, 'all roles') as whose, given.name, given.value,
       to_regproc(given.value) is not null as is_function,
       format('alter %%s reset %%s;',
              case when s.setrole = 0 and s.setdatabase = 0 then 'role all'
                   when s.setrole = 0 then format('database %%I', current_database())
                   when s.setdatabase = 0 then format('role %%I', r.rolname)
                   else format('role %%I in database %%I', r.rolname, current_database()) end,
              given.name) as reset
from pg_catalog.pg_db_role_setting s
left join pg_catalog.pg_roles r on r.oid = s.setrole
cross join lateral (
  select split_part(setting, '=', 1) as name, substr(setting, strpos(setting, '=') + 1) as value
  from unnest(s.setconfig) setting
) given
where (s.setrole = 0 or r.rolname = any (%(roles)s::text[]))
  and s.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
order by 1, 2
