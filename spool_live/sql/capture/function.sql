-- With its owner's rights: whoever may write the content needs no rights on the outbox. Nobody else
-- may put it on a table of theirs.
create or replace function {function}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as {body};
revoke all on function {function}() from public
