-- Projects created since 2026-05-30: what the migrating role creates in public is closed to the API
-- roles. PUBLIC keeps PostgreSQL's own EXECUTE on functions, as on the hosted service.

alter default privileges for role postgres in schema public
    revoke all on tables from anon, authenticated, service_role;
alter default privileges for role postgres in schema public
    revoke all on sequences from anon, authenticated, service_role;
alter default privileges for role postgres in schema public
    revoke all on functions from anon, authenticated, service_role;
