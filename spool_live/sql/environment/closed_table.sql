-- A table of ours in an exposed schema that no API role may touch: not even after somebody grants
-- everything to everybody. Roles of the application itself go on as before: whoever is not a role of
-- the API.
alter table {table} enable row level security;
revoke all on {table} from anon, authenticated;
drop policy if exists spool_live_application on {table};
create policy spool_live_application on {table} for all to public
  using (current_user <> all ('{anon,authenticated}')) with check (current_user <> all ('{anon,authenticated}'));
drop policy if exists spool_live_closed on {table};
create policy spool_live_closed on {table} as restrictive for all to anon, authenticated
  using (false) with check (false);
