-- Refuses roles that do not exist, and those that the API may not become.
create or replace function pg_temp.check_role(claims_role text) returns void
language plpgsql stable as $$
begin
    if not pg_has_role('authenticator', quote_ident(claims_role)::regrole, 'MEMBER') then
        raise insufficient_privilege
            using message = format('permission denied to set role "%s"', claims_role);
    end if;
end $$;
