-- Functions behind objects that a request can use without calling a function: it needs only a filter, a
-- cast or a value of such a type. "checked" says whether PostgreSQL checks EXECUTE; "builtin" is the name
-- of a function that PostgreSQL installs.
select 'operator ' || o.oid::regoperator::text as name, o.oprcode::oid::bigint as function, true as checked,
       case when p.oid < 16384 then p.proname::text end as builtin
from pg_catalog.pg_operator o join pg_catalog.pg_proc p on p.oid = o.oprcode
where o.oid >= 16384
union all
select 'selectivity of operator ' || o.oid::regoperator::text, f.oid::bigint, false, null
from pg_catalog.pg_operator o cross join lateral unnest(array[o.oprrest::oid, o.oprjoin::oid]) f (oid)
where o.oid >= 16384
union all
select format('cast (%%s as %%s)', format_type(c.castsource, null), format_type(c.casttarget, null)),
       c.castfunc::bigint, true, null
from pg_catalog.pg_cast c where c.castfunc >= 16384
union all
select 'type ' || format_type(t.oid, null), f.oid::bigint, false, null
from pg_catalog.pg_type t
cross join lateral unnest(array[t.typinput::oid, t.typoutput::oid, t.typreceive::oid, t.typsend::oid,
                                t.typmodin::oid, t.typmodout::oid, t.typsubscript::oid]) f (oid)
where f.oid >= 16384
union all
select 'domain ' || format_type(c.contypid, null), d.refobjid::bigint, true, null
from pg_catalog.pg_constraint c
join pg_catalog.pg_depend d
  on d.classid = 'pg_catalog.pg_constraint'::regclass and d.objid = c.oid
 and d.refclassid = 'pg_catalog.pg_proc'::regclass
where c.contypid <> 0 and d.refobjid >= 16384
union all
select 'domain ' || format_type(t.oid, null), d.refobjid::bigint, true, null
from pg_catalog.pg_type t
join pg_catalog.pg_depend d
  on d.classid = 'pg_catalog.pg_type'::regclass and d.objid = t.oid
 and d.refclassid = 'pg_catalog.pg_proc'::regclass
where t.typtype = 'd' and d.refobjid >= 16384
union all
select 'domain ' || format_type(c.contypid, null), -c.oid::bigint, false, null
from pg_catalog.pg_constraint c where c.contypid <> 0 and c.contype = 'c' and c.oid >= 16384
union all
select 'domain ' || format_type(t.oid, null), -t.oid::bigint, false, null
from pg_catalog.pg_type t where t.typtype = 'd' and t.oid >= 16384 and t.typdefaultbin is not null
union all
select 'range ' || format_type(r.rngtypid, null), f.oid::bigint, false, null
from pg_catalog.pg_range r cross join lateral unnest(array[r.rngcanonical::oid, r.rngsubdiff::oid]) f (oid)
where f.oid >= 16384
union all
select format('operator class %%s', f.opfname), p.amproc::oid::bigint, false, null
from pg_catalog.pg_amproc p join pg_catalog.pg_opfamily f on f.oid = p.amprocfamily
where p.amproc >= 16384
union all
select format('text search parser %%s', p.prsname), f.oid::bigint, false, null
from pg_catalog.pg_ts_parser p
cross join lateral unnest(array[p.prsstart::oid, p.prstoken::oid, p.prsend::oid]) f (oid)
where f.oid >= 16384
union all
select format('text search template %%s', t.tmplname), f.oid::bigint, false, null
from pg_catalog.pg_ts_template t cross join lateral unnest(array[t.tmplinit::oid, t.tmpllexize::oid]) f (oid)
where f.oid >= 16384
union all
select format('conversion %%s', c.conname), c.conproc::oid::bigint, false, null
from pg_catalog.pg_conversion c where c.conproc >= 16384
union all
select format('event trigger %%s', e.evtname), e.evtfoid::bigint, false, null
from pg_catalog.pg_event_trigger e where e.evtenabled <> 'D'
union all
select 'before every request (pgrst.db_pre_request)', wanted.function::bigint, true, null
from (
  select to_regproc(substr(setting, strpos(setting, '=') + 1))::oid as function
  from pg_catalog.pg_db_role_setting s cross join lateral unnest(s.setconfig) setting
  where split_part(setting, '=', 1) in ('pgrst.db_pre_request', 'pgrst.db_root_spec')
) wanted
where wanted.function >= 16384
