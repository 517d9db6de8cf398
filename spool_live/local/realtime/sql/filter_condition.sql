-- The SQL of one filter over a row that is called r. Never NULL: a missing value does not match.
create or replace function pg_temp.filter_condition(relation oid, filter jsonb) returns text
language plpgsql stable as $$
declare
    operand text;
    operand_type text;
    value text := filter ->> 'value';
    comparison text;
begin
    select format('r.%I', attname), format_type(atttypid, -1) into operand, operand_type
    from pg_attribute
    where attrelid = relation and attname = filter ->> 'column' and attnum > 0 and not attisdropped;
    if not found then
        return 'false';
    end if;

    comparison := case filter ->> 'operator'
        when 'eq'         then format('%s = %L::%s', operand, value, operand_type)
        when 'neq'        then format('%s <> %L::%s', operand, value, operand_type)
        when 'lt'         then format('%s < %L::%s', operand, value, operand_type)
        when 'lte'        then format('%s <= %L::%s', operand, value, operand_type)
        when 'gt'         then format('%s > %L::%s', operand, value, operand_type)
        when 'gte'        then format('%s >= %L::%s', operand, value, operand_type)
        when 'in'         then format('%s = any(%L::%s[])', operand, value, operand_type)
        when 'isdistinct' then format('%s is distinct from %L::%s', operand, value, operand_type)
        when 'like'       then format('%s ~~ %L', operand, value)
        when 'ilike'      then format('%s ~~* %L', operand, value)
        when 'match'      then format('%s ~ %L', operand, value)
        when 'imatch'     then format('%s ~* %L', operand, value)
        when 'is'         then format('%s is %s', operand, value)
    end;
    if (filter ->> 'negate')::boolean then
        comparison := format('not (%s)', comparison);
    end if;
    return format('coalesce(%s, false)', comparison);
end $$;
