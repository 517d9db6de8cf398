drop policy if exists spool_live_application on {table};
drop policy if exists spool_live_closed on {table};
alter table {table} disable row level security;
