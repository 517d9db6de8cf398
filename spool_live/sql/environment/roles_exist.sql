-- Whether the roles of Supabase's API are there.
select count(*) = 3 from pg_catalog.pg_roles
where rolname in ('anon', 'authenticated', 'service_role')
