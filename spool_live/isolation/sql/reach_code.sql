-- Code that belongs to relations, as text, as dependencies do not include functions that PostgreSQL
-- installs.
with relation as (
  select c.oid, c.relkind from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.oid >= 16384 and c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_(toast|temp)'
)
select r.oid::bigint as relation, 'query' as context, '' as label, pg_get_viewdef(r.oid) as text,
       '{}'::text[] as roles
from relation r where r.relkind in ('v', 'm')
union all
select r.oid::bigint, 'rule', rule.rulename, pg_get_ruledef(rule.oid), '{}'
from relation r join pg_catalog.pg_rewrite rule on rule.ev_class = r.oid
where rule.rulename <> '_RETURN'
union all
select r.oid::bigint, 'policy', p.polname,
       concat_ws(' ; ', p.polcmd::text || p.polpermissive::text, pg_get_expr(p.polqual, p.polrelid),
                 pg_get_expr(p.polwithcheck, p.polrelid)),
       array(select coalesce(role.rolname::text, 'public')
             from unnest(p.polroles) given (oid)
             left join pg_catalog.pg_roles role on role.oid = given.oid
             order by 1)
from relation r join pg_catalog.pg_policy p on p.polrelid = r.oid
union all
select r.oid::bigint, case a.attgenerated when '' then 'default' else 'generated column' end,
       a.attname, pg_get_expr(d.adbin, d.adrelid), '{}'
from relation r
join pg_catalog.pg_attrdef d on d.adrelid = r.oid
join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum = d.adnum
union all
select r.oid::bigint, 'constraint', c.conname, pg_get_constraintdef(c.oid), '{}'
from relation r join pg_catalog.pg_constraint c on c.conrelid = r.oid and c.contype in ('c', 'x')
union all
select r.oid::bigint, 'trigger', t.tgname,
       format('%%s %%s', t.tgenabled, pg_get_triggerdef(t.oid)), '{}'
from relation r join pg_catalog.pg_trigger t on t.tgrelid = r.oid and not t.tgisinternal
union all
select r.oid::bigint, 'index', i.indexrelid::regclass::text,
       concat_ws(' ; ', pg_get_expr(i.indexprs, i.indrelid), pg_get_expr(i.indpred, i.indrelid)), '{}'
from relation r join pg_catalog.pg_index i on i.indrelid = r.oid
where i.indexprs is not null or i.indpred is not null
union all
select r.oid::bigint, 'partition key', '', pg_get_partkeydef(r.oid), '{}'
from relation r where r.relkind = 'p'
