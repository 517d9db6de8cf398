-- Event triggers, except Supabase's own, whose functions belong to roles that we cannot become.
select e.evtname::text as name, e.evtevent::text as event, p.oid::regprocedure::text as function
from pg_catalog.pg_event_trigger e
join pg_catalog.pg_proc p on p.oid = e.evtfoid
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where e.evtenabled <> 'D'
  and not (n.nspname in ('extensions', 'graphql', 'realtime', 'pgsodium', 'net', 'cron', 'vault')
           and not pg_has_role(p.proowner, 'member'))
order by 1
