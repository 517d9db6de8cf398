-- Whether Realtime can read what is written: a slot that PostgreSQL has invalidated, or a cluster
-- that has none to give, leaves clients "subscribed" and silent. The number is the whole cluster's.
select
  exists (select from pg_replication_slots
          where active and database = current_database()) as is_read,
  (select count(*) from pg_replication_slots) as slots,
  current_setting('max_replication_slots')::int as most_slots,
  (select string_agg(slot_name, ', ' order by slot_name) from pg_replication_slots
   where wal_status = 'lost' and slot_name ~ 'realtime'
     and database = current_database()) as lost,
  (select max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) from pg_replication_slots
   where not active and not pg_is_in_recovery()) as held_back
