-- What /rest/v1/rpc knows of functions: the parameters a caller may give, and the shape that comes back.
-- $1: the exposed schemas

select
    namespace.nspname as schema,
    proc.proname as name,
    (
        select coalesce(
            json_agg(
                json_build_object(
                    'name', coalesce(parameter.name, ''),
                    'type', format_type(parameter.type, null),
                    'required', parameter.place <= proc.pronargs - proc.pronargdefaults,
                    'variadic', parameter.mode = 'v'
                )
                order by parameter.place
            ),
            '[]'
        )
        from (
            select
                name, type, coalesce(mode, 'i') as mode,
                row_number() over (order by ordinality) as place
            from rows from (
                unnest(coalesce(proc.proallargtypes, proc.proargtypes::oid[])),
                unnest(proc.proargnames),
                unnest(proc.proargmodes)
            ) with ordinality as every (type, name, mode, ordinality)
            where type is not null and coalesce(mode, 'i') in ('i', 'b', 'v')
        ) parameter
    ) as parameters,
    result.typname = 'void' as returns_nothing,
    result.typtype = 'c' or result.typname = 'record'
        or coalesce(proc.proargmodes::text[] && '{t,b,o}', false) as returns_rows,
    proc.proretset as returns_set,
    proc.provolatile <> 'v' as only_reads,
    (
        select option_value from pg_options_to_table(proc.proconfig)
        where option_name = 'statement_timeout'
    ) as statement_timeout
from pg_proc proc
join pg_namespace namespace on namespace.oid = proc.pronamespace
join pg_type result on result.oid = proc.prorettype
where namespace.nspname = any ($1)
  and proc.prokind = 'f'
  and result.typname not in ('trigger', 'event_trigger')
