-- Raises unless the filter can be evaluated for every row that may come.
create or replace function pg_temp.check_filter(entity oid, filter jsonb) returns void
language plpgsql stable as $$
declare
    operator text := filter ->> 'operator';
    value text := filter ->> 'value';
    symbol text := case operator
        when 'like' then '~~' when 'ilike' then '~~*' when 'match' then '~' when 'imatch' then '~*'
    end;
    column_type regtype;
    items integer;
begin
    select atttypid into column_type
    from pg_attribute
    where attrelid = entity and attname = filter ->> 'column';

    if operator = 'is' then
        if value not in ('null', 'true', 'false', 'unknown') then
            raise exception 'invalid value for is filter: must be null, true, false, or unknown';
        end if;
        if value <> 'null' and column_type <> 'boolean'::regtype then
            raise exception 'is % filter requires a boolean column, got %', value, column_type;
        end if;
    elsif symbol is not null then
        -- as strict as the real server, which wants the column's own type: varchar has no such
        -- operator of its own, though PostgreSQL would compare it as text
        if not exists (
            select from pg_operator
            where oprname = symbol and oprleft = column_type
              and (operator in ('like', 'ilike') or oprright = column_type)
        ) then
            raise exception 'operator % requires a text-compatible column type, got %',
                operator, column_type;
        end if;
        if operator in ('match', 'imatch') then
            begin
                perform '' ~ value;
            exception when others then
                raise exception 'invalid regular expression for % filter: %', operator, sqlerrm;
            end;
        end if;
    elsif operator = 'in' then
        execute format('select cardinality(%L::%s[])', value, format_type(column_type, -1))
            into items;
        if items > 100 then
            raise exception 'too many values for `in` filter. Maximum 100';
        end if;
    end if;

    -- casts and operators are looked up by running the comparison on an empty row
    execute format(
        'select %s from (select (null::%s).*) r',
        pg_temp.filter_condition(entity, filter), entity::regclass
    );
end $$;
