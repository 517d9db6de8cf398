-- Who may see which of a table's changes, and what they look like.
--
-- request: transactions [xid], relation (oid), columns [name], identity [name],
--   changes   [{n, action, new [text or null], old [text or null], absent [name], big}]
--   filters   [[{column, operator, value, negate}]]
--   audiences [{role, claims (text), filter (index)}]
--   shapes    [{role, columns [name] or null}]
-- result, one line each: kind, index of the shape or audience, n of the change, text:
--   columns, error, record and old_record per shape; visible (an array of n) per audience.
-- Row Level Security is PostgreSQL's own: the rows are looked for under the audience's role and
-- claims. An error raised by a policy is not caught here.
create or replace function pg_temp.evaluate_changes(request jsonb)
returns table (kind text, place integer, change integer, body text)
language plpgsql volatile as $$
declare
    relation oid := request ->> 'relation';
    secured boolean;
    primary_key smallint[];
    typed_row text;
    conditions text;
    key_fields text;
    key_types text;
    key_join text;
    find_visible text;
    records jsonb[];
    old_records jsonb[];
    matches jsonb[];
    shape record;
    audience record;
    shape_columns jsonb;
    shape_names text[];
    readable_key boolean;
    unable text[] := '{}';  -- roles that get an error instead
    visible integer[];
    current_role_name text;
begin
    perform pg_temp.await_transactions(
        array(select jsonb_array_elements_text(request -> 'transactions')::bigint), '10 s'
    );
    select relrowsecurity into secured from pg_class where oid = relation;
    if not found then
        return;  -- dropped since
    end if;

    select indkey::smallint[] into primary_key
    from pg_index where indrelid = relation and indisprimary;

    select string_agg(
        format(
            '(%%1$s ->> %s)::%s as %s', position - 1,
            replace(format_type(atttypid, atttypmod), '%', '%%'),
            replace(quote_ident(attname), '%', '%%')
        ),
        ', ' order by position
    ) into typed_row
    from jsonb_array_elements_text(request -> 'columns') with ordinality as sent (name, position)
    join pg_attribute on attrelid = relation and attname = name and not attisdropped;

    select
        coalesce(string_agg(format(', ''k%s'', r.%I::text', attnum, attname), ''), ''),
        coalesce(string_agg(
            format(', k%s %s', attnum, format_type(atttypid, atttypmod)), ''), ''),
        coalesce(string_agg(format('t.%I = candidate.k%s', attname, attnum), ' and '), 'false')
    into key_fields, key_types, key_join
    from pg_attribute
    where attrelid = relation and attnum = any(primary_key);

    select string_agg(
        format(
            'jsonb_agg(jsonb_build_object(''n'', sent.n, ''deleted'', sent.action = ''DELETE''%s)'
            ' order by sent.n) filter (where %s)',
            key_fields,
            coalesce(
                (select string_agg(pg_temp.filter_condition(relation, filter), ' and ')
                 from jsonb_array_elements(filters) filter),
                'true'
            )
        ),
        ', ' order by position
    ) into conditions
    from jsonb_array_elements(request -> 'filters') with ordinality as asked (filters, position);

    execute format(
        'select array_agg(to_jsonb(fresh.*) - sent.absent order by sent.n),'
        ' array_agg(to_jsonb(former.*) order by sent.n), array[%s]'
        ' from jsonb_to_recordset($1)'
        '   as sent (n integer, action text, new jsonb, old jsonb, absent text[]),'
        ' lateral (select %s) fresh, lateral (select %s) former, lateral (select %s) r',
        conditions, format(typed_row, 'sent.new'), format(typed_row, 'sent.old'),
        format(typed_row, 'coalesce(sent.new, sent.old)')
    ) into records, old_records, matches using request -> 'changes';

    for shape in
        select position::integer - 1 as place, asked ->> 'role' as role, asked -> 'columns' as columns
        from jsonb_array_elements(request -> 'shapes') with ordinality as s (asked, position)
    loop
        select
            coalesce(jsonb_agg(
                jsonb_build_object('name', attname, 'type', typname) order by attnum), '[]'),
            coalesce(array_agg(attname::text), '{}'),
            coalesce(array_agg(attnum) @> primary_key, false)
        into shape_columns, shape_names, readable_key
        from pg_attribute
        join pg_type on pg_type.oid = atttypid
        where attrelid = relation and attnum > 0 and not attisdropped
          and has_column_privilege(shape.role, relation, attnum, 'SELECT')
          and (jsonb_typeof(shape.columns) = 'null' or shape.columns ? attname
               or attnum = any(primary_key));

        return query select 'columns', shape.place, null::integer, shape_columns::text;
        if primary_key is null or not readable_key then
            unable := unable || shape.role;
        end if;
        if primary_key is null then
            return query select 'error', shape.place, null::integer,
                'Error 400: Bad Request, no primary key';
        elsif not readable_key then
            return query select 'error', shape.place, null::integer, 'Error 401: Unauthorized';
        end if;

        return query
            select made.kind, shape.place, sent.n, coalesce(
                (select jsonb_object_agg(key, value) from jsonb_each(made.content)
                 where key = any(shape_names) and key = any(made.names)
                   and (not sent.big or octet_length(value::text) <= 64)),
                '{}'
            )::text
            from jsonb_to_recordset(request -> 'changes')
                as sent (n integer, action text, big boolean),
            lateral (
                select 'record' as kind, records[sent.n + 1] as content, shape_names as names
                where sent.action <> 'DELETE'
                union all
                select 'old_record', old_records[sent.n + 1],
                    case when sent.action = 'DELETE' and secured
                        then array(select attname::text from pg_attribute
                                   where attrelid = relation and attnum = any(primary_key))
                        else array(select jsonb_array_elements_text(request -> 'identity'))
                    end
                where sent.action <> 'INSERT'
            ) made;
    end loop;

    find_visible := format(
        'select array_agg(candidate.n)'
        ' from jsonb_to_recordset($1) as candidate (n integer, deleted boolean%s)'
        ' where candidate.deleted or exists (select from %s t where %s)',
        key_types, relation::regclass, key_join
    );
    -- one plan for all audiences of a role: planning costs more than looking
    if exists (select from pg_prepared_statements where name = 'visible_rows') then
        deallocate visible_rows;
    end if;
    execute 'prepare visible_rows (jsonb) as ' || find_visible;
    for audience in
        select position::integer - 1 as place, asked ->> 'role' as role,
            asked ->> 'claims' as claims, matches[(asked ->> 'filter')::integer + 1] as candidates
        from jsonb_array_elements(request -> 'audiences') with ordinality as a (asked, position)
        order by 2
    loop
        continue when audience.candidates is null;
        if secured and not audience.role = any(unable) then
            if audience.role is distinct from current_role_name then
                current_role_name := audience.role;
                perform set_config('role', audience.role, true);
            end if;
            perform set_config('request.jwt.claims', audience.claims, true);
            execute format('execute visible_rows (%L)', audience.candidates) into visible;
        else
            visible := array(
                select (candidate ->> 'n')::integer
                from jsonb_array_elements(audience.candidates) candidate
                where not audience.role = any(unable) or (candidate ->> 'deleted')::boolean
            );
        end if;
        if visible <> '{}' then
            return query select 'visible', audience.place, null::integer, visible::text;
        end if;
    end loop;
    perform set_config('role', 'none', true), set_config('request.jwt.claims', '', true);
end $$;
