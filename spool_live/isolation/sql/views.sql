-- Views and materialized views over the tables, directly or through other views.
with recursive over (oid) as (
  select to_regclass(wanted)::oid from unnest(%(tables)s::text[]) wanted
  union
  select r.ev_class
  from over
  join pg_catalog.pg_depend d
    on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = over.oid
   and d.classid = 'pg_catalog.pg_rewrite'::regclass
  join pg_catalog.pg_rewrite r on r.oid = d.objid
)
select format('%%I.%%I', n.nspname, c.relname) as name, c.relkind::text as kind,
       coalesce((select o.option_value::boolean from pg_options_to_table(c.reloptions) o
                 where o.option_name = 'security_invoker'), false) as invoker
from over
join pg_catalog.pg_class c using (oid)
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('v', 'm')
order by 1
