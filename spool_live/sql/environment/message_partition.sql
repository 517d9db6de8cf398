-- Whether realtime.messages lacks a partition for what is broadcast now. Realtime writes UTC.
select parent.relkind = 'p' and not exists (
  select
  from pg_catalog.pg_inherits i
  join pg_catalog.pg_class part on part.oid = i.inhrelid
  cross join lateral (
    select pg_catalog.pg_get_expr(part.relpartbound, part.oid) as text
  ) bound
  where i.inhparent = parent.oid
    and (bound.text = 'DEFAULT'
         or substring(bound.text from 'FROM \(''([^'']+)''\)')::timestamp <= now() at time zone 'utc'
        and substring(bound.text from 'TO \(''([^'']+)''\)')::timestamp > now() at time zone 'utc'))
from pg_catalog.pg_class parent
where parent.oid = to_regclass('realtime.messages')
