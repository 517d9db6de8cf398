-- References to relations and functions that PostgreSQL did not install: from a relation (with the kind
-- of code), from a function, or from an object that every query may use.
with edge as (
  select d.classid, d.objid, d.refclassid::regclass::text as to_kind, d.refobjid
  from pg_catalog.pg_depend d
  where d.refobjid >= 16384 and d.deptype in ('n', 'a', 'i')
    and d.refclassid in ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_proc'::regclass,
                         'pg_catalog.pg_operator'::regclass, 'pg_catalog.pg_type'::regclass)
    and d.classid in ('pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_attrdef'::regclass,
                      'pg_catalog.pg_constraint'::regclass, 'pg_catalog.pg_policy'::regclass,
                      'pg_catalog.pg_trigger'::regclass, 'pg_catalog.pg_class'::regclass,
                      'pg_catalog.pg_proc'::regclass)
), held as (
  select 'relation' as from_kind, r.ev_class as holder,
         case when r.rulename = '_RETURN' then 'query' else 'rule' end as context,
         case when r.rulename = '_RETURN' then '' else r.rulename::text end as label, e.*
  from edge e join pg_catalog.pg_rewrite r
    on e.classid = 'pg_catalog.pg_rewrite'::regclass and r.oid = e.objid
  union all
  select 'relation', d.adrelid, 'default', a.attname, e.*
  from edge e join pg_catalog.pg_attrdef d
    on e.classid = 'pg_catalog.pg_attrdef'::regclass and d.oid = e.objid
  join pg_catalog.pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
  union all
  select case when c.conrelid = 0 then 'type' else 'relation' end,
         case when c.conrelid = 0 then c.contypid else c.conrelid end, 'constraint', c.conname, e.*
  from edge e join pg_catalog.pg_constraint c
    on e.classid = 'pg_catalog.pg_constraint'::regclass and c.oid = e.objid and c.contype in ('c', 'x')
  union all
  select 'relation', p.polrelid, 'policy', p.polname, e.*
  from edge e join pg_catalog.pg_policy p
    on e.classid = 'pg_catalog.pg_policy'::regclass and p.oid = e.objid
  union all
  select 'relation', t.tgrelid, 'trigger', t.tgname, e.*
  from edge e join pg_catalog.pg_trigger t
    on e.classid = 'pg_catalog.pg_trigger'::regclass and t.oid = e.objid and not t.tgisinternal
  union all
  select 'relation', i.indrelid, 'index', i.indexrelid::regclass::text, e.*
  from edge e join pg_catalog.pg_index i
    on e.classid = 'pg_catalog.pg_class'::regclass and i.indexrelid = e.objid
  union all
  select 'relation', t.partrelid, 'partition key', '', e.*
  from edge e join pg_catalog.pg_partitioned_table t
    on e.classid = 'pg_catalog.pg_class'::regclass and t.partrelid = e.objid
  union all
  select 'function', e.objid, 'body', '', e.*
  from edge e where e.classid = 'pg_catalog.pg_proc'::regclass
)
select distinct from_kind, holder::bigint as holder, context, label,
       case to_kind when 'pg_catalog.pg_class' then 'relation' when 'pg_class' then 'relation'
                    else 'function' end as to_kind,
       coalesce(operator.oprcode::oid, refobjid)::bigint as referred
from held
left join pg_catalog.pg_operator operator
  on to_kind in ('pg_catalog.pg_operator', 'pg_operator') and operator.oid = refobjid
where to_kind not in ('pg_catalog.pg_type', 'pg_type')
  and not (from_kind = 'relation' and to_kind in ('pg_catalog.pg_class', 'pg_class')
           and holder = refobjid)
