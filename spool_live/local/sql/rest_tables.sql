-- What /rest/v1 knows of tables and views: columns in order, and the primary key.
-- $1: the exposed schemas

select
    namespace.nspname as schema,
    class.relname as name,
    (
        select json_agg(
            json_build_object(
                'name', attname,
                'type', format_type(atttypid, atttypmod),
                'default', case when attgenerated = '' then pg_get_expr(adbin, adrelid) end
            )
            order by attnum
        )
        from pg_attribute
        left join pg_attrdef on adrelid = attrelid and adnum = attnum
        where attrelid = class.oid and attnum > 0 and not attisdropped
    ) as columns,
    (
        select json_agg(attname order by array_position(conkey, attnum))
        from pg_constraint
        join pg_attribute on attrelid = conrelid and attnum = any (conkey)
        where conrelid = class.oid and contype = 'p'
    ) as primary_key
from pg_class class
join pg_namespace namespace on namespace.oid = class.relnamespace
where namespace.nspname = any ($1)
  and class.relkind in ('r', 'v', 'm', 'f', 'p')
