-- What is in our schema, or has the name of a function of ours, and is neither.
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
  and p.oid <> all (array(select to_regprocedure(wanted) from unnest(%(signatures)s::text[]) wanted
                          where to_regprocedure(wanted) is not null)::oid[])
order by 1, 2
