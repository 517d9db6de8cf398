-- The tables whose changes are published; `*` stands for every schema or table.
create or replace function pg_temp.published_tables(wanted_schema text, wanted_table text)
returns setof oid
language sql stable as $$
    select format('%I.%I', schemaname, tablename)::regclass::oid
    from pg_publication_tables
    where pubname = 'supabase_realtime'
      and wanted_schema in ('*', schemaname)
      and wanted_table in ('*', tablename)
$$;

-- The published tables that a binding selects. Raises what is wrong with its filters, columns or
-- role, in the words of the real server, so that no change is ever held up by a bad subscription.
create or replace function pg_temp.resolve_tables(
    wanted_schema text, wanted_table text, filters jsonb, selected text[], claims_role text
)
returns setof oid
language plpgsql stable as $$
declare
    entity oid;
    readable text[];
    filter jsonb;
    selected_column text;
begin
    for entity in select * from pg_temp.published_tables(wanted_schema, wanted_table) loop
        perform pg_temp.check_role(claims_role);

        select coalesce(array_agg(attname::text), '{}') into readable
        from pg_attribute
        where attrelid = entity and attnum > 0 and not attisdropped
          and has_column_privilege(claims_role, entity, attnum, 'SELECT');

        for filter in select * from jsonb_array_elements(filters) loop
            if not filter ->> 'column' = any(readable) then
                raise exception 'invalid column for filter %', filter ->> 'column';
            end if;
            perform pg_temp.check_filter(entity, filter);
        end loop;

        foreach selected_column in array coalesce(selected, '{}') loop
            if not selected_column = any(readable) then
                raise exception 'invalid column for select %', selected_column;
            end if;
        end loop;

        return next entity;
    end loop;
end $$;
