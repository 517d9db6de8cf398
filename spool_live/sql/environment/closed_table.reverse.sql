drop policy if exists spool_live_application on {table};
drop policy if exists spool_live_closed on {table};
alter table if exists {table} disable row level security;
