-- Whether pg_cron's table of scheduled jobs exists and may be read.
select exists (
  select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'cron' and c.relname = 'job' and c.relkind in ('r', 'v')
    and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
) as found
