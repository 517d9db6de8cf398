-- The capture triggers of the tables that are found without their schema, and what they run.
select n.nspname, c.relname, t.tgname, t.tgtype, t.tgenabled, p.proname, p.prosrc,
       p.prosecdef and p.proconfig = array['search_path=pg_catalog, pg_temp'] as pinned
from pg_catalog.pg_trigger t
join pg_catalog.pg_class c on c.oid = t.tgrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_proc p on p.oid = t.tgfoid
where not t.tgisinternal and pg_catalog.pg_table_is_visible(c.oid)
  and t.tgname in ('spool_live_insert', 'spool_live_update', 'spool_live_delete')
order by 1, 2, 3
