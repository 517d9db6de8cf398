-- A migration that provisions may be older than the table.
select to_regclass('{table}') is not null and (
  select count(*) = 3 from pg_catalog.pg_roles
  where rolname in ('anon', 'authenticated', 'service_role'))
