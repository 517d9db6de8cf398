-- Settings of the API's roles: PostgREST repeats them in each request.
select r.rolname::text as role, split_part(setting, '=', 1) as name,
       substr(setting, strpos(setting, '=') + 1) as value
from pg_catalog.pg_db_role_setting s
join pg_catalog.pg_roles r on r.oid = s.setrole
cross join lateral unnest(s.setconfig) setting
where r.rolname = any (%(roles)s::text[])
  and s.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
  and (split_part(setting, '=', 1) in ('role', 'session_authorization', 'row_security',
                                       'session_replication_role')
       or setting like 'request.%%')
order by 1, 2
