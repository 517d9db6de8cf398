-- Objects in our schema, or with the name of one of our functions, that are not ours.
select 'table' as kind, format('%%I.%%I', n.nspname, c.relname) as name,
       case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
                      when 'f' then 'foreign table' else 'table' end as what
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'spool_live' and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
  and c.oid <> all (array(select to_regclass(wanted) from unnest(%(tables)s::text[]) wanted
                          where to_regclass(wanted) is not null)::oid[])
union all
select 'function', p.oid::regprocedure::text,
       case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end
from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where (n.nspname = 'spool_live' or n.nspname || '.' || p.proname = any (%(names)s::text[]))
  -- functions that PostgreSQL created with a range type are dropped with it
  and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_proc'::regclass
                  and d.objid = p.oid and d.deptype = 'i')
  and p.oid <> all (array(select to_regprocedure(wanted) from unnest(%(signatures)s::text[]) wanted
                          where to_regprocedure(wanted) is not null)::oid[])
union all
select 'type', format_type(t.oid, null), case t.typtype when 'd' then 'domain' else 'type' end
from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace
where n.nspname = 'spool_live' and t.typelem = 0 and t.typtype <> 'm'
  and not exists (select from pg_catalog.pg_class c where c.oid = t.typrelid and c.relkind <> 'c')
union all
select 'operator', o.oid::regoperator::text, 'operator'
from pg_catalog.pg_operator o join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
where n.nspname = 'spool_live'
order by 1, 2
