-- Settings of roles (alter role ... set ...) that take effect at a login, which SET ROLE is not:
-- each request repeats them for the role it runs as, as far as any role may set them.

select
    rolname as role,
    split_part(line, '=', 1) as name,
    substr(line, strpos(line, '=') + 1) as value
from pg_roles
join pg_db_role_setting on setrole = pg_roles.oid
cross join lateral unnest(setconfig) as line
join pg_settings on pg_settings.name = split_part(line, '=', 1)
where context = 'user'
  and setdatabase in (0, (select oid from pg_database where datname = current_database()))
