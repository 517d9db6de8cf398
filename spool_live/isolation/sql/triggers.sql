-- Triggers on our tables, and on Realtime's messages with their partitions, except those of Realtime
-- itself (its schema, an owner that we cannot become).
with recursive watched as (
  select to_regclass(wanted)::oid as oid from unnest(%(tables)s::text[]) wanted
  union
  select i.inhrelid from watched join pg_catalog.pg_inherits i on i.inhparent = watched.oid
)
select t.tgrelid::regclass::text as table, t.tgname::text as name, t.tgenabled::text as enabled,
       pg_get_triggerdef(t.oid) as definition
from watched
join pg_catalog.pg_trigger t on t.tgrelid = watched.oid and not t.tgisinternal and t.tgparentid = 0
join pg_catalog.pg_proc p on p.oid = t.tgfoid
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where not (n.nspname = 'realtime' and t.tgrelid <> to_regclass('public.live_updates')
           and not pg_has_role(p.proowner, 'member'))
order by 1, 2
