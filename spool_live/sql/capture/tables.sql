-- Where the tables of these (quoted) names are, and which columns they have.
select given.name, n.nspname, c.relname, c.relkind,
       array(select attname::text from pg_catalog.pg_attribute
             where attrelid = c.oid and attnum > 0 and not attisdropped)
from unnest(%(names)s::text[]) as given (name)
join pg_catalog.pg_class c on c.oid = pg_catalog.to_regclass(given.name)
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
