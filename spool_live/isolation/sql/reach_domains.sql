-- Checks and defaults of domains, as functions: they run with the rights of the role that uses a value of
-- the type. Their oid is that of the constraint or type, negated.
with part as (
  select -c.oid::bigint as oid, c.contypid as type, pg_get_constraintdef(c.oid) as source,
         format('constraint %%I', c.conname) as what
  from pg_catalog.pg_constraint c where c.contypid <> 0 and c.contype = 'c' and c.oid >= 16384
  union all
  select -t.oid::bigint, t.oid, pg_get_expr(t.typdefaultbin, 0), 'default'
  from pg_catalog.pg_type t where t.typtype = 'd' and t.oid >= 16384 and t.typdefaultbin is not null
)
select part.oid, n.nspname::text as schema, t.typname || ' ' || part.what as name,
       format('alter domain %%s drop %%s', format_type(t.oid, null), part.what) as identity,
       'd' as kind, owner.rolname::text as owner, 'sql' as language, true as trusted,
       false as security_definer, '{}'::text[] as settings, part.source, '' as body,
       '' as returns, '{}'::text[] as takes, '{}'::text[] as parameters, '' as defaults,
       false as leakproof, '' as attributes, '{}'::text[] as acl,
       null::text as extension, null::text as extension_version
from part
join pg_catalog.pg_type t on t.oid = part.type
join pg_catalog.pg_namespace n on n.oid = t.typnamespace
join pg_catalog.pg_roles owner on owner.oid = t.typowner
where n.nspname !~ '^pg_(toast|temp)'
