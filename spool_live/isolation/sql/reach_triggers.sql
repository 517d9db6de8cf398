-- Triggers that a write fires. tgtype: 4 insert, 8 delete, 16 update, 64 instead of.
select t.tgrelid::bigint as relation, t.tgname::text as name, t.tgfoid::bigint as function,
       (t.tgtype & 4) <> 0 as on_insert, (t.tgtype & 8) <> 0 as on_delete,
       (t.tgtype & 16) <> 0 as on_update
from pg_catalog.pg_trigger t
where not t.tgisinternal and t.tgenabled <> 'D'
