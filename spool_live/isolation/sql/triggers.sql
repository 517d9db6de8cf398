select t.tgname::text as name, t.tgenabled::text as enabled, pg_get_triggerdef(t.oid) as definition
from pg_catalog.pg_trigger t
where t.tgrelid = to_regclass('public.live_updates') and not t.tgisinternal
order by 1
