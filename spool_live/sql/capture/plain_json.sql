-- A value as metadata._plain writes it, null where it cannot travel: a number of 53 bits or a
-- smaller double stays a number, a larger one becomes the text of its digits.
create or replace function {plain}(value jsonb, level integer) returns jsonb
language plpgsql immutable security invoker set search_path = pg_catalog, pg_temp as $body$
declare
  number numeric;
  name text;
  item jsonb;
  made jsonb;
begin
  if jsonb_typeof(value) = 'number' then
    number := value::text::numeric;
    if abs(number) < 9007199254740992 then
      return case when abs(number) < 2.2250738585072014e-308 and number <> 0
                  then '0.0' else value end;
    elsif abs(number) >= 1e4300 then  -- Python reads no more digits
      return null;
    elsif scale(number) > 0 then
      if abs(number) > 1.7976931348623157e308 then
        return null;
      end if;
      number := trim_scale(number::double precision::text::numeric);
    end if;
    return to_jsonb(number::text);
  elsif jsonb_typeof(value) not in ('array', 'object') then
    return value;
  elsif level > {depth} then
    return null;
  elsif jsonb_typeof(value) = 'array' then
    made := '[]';
    for item in select jsonb_array_elements(value) loop
      item := {plain}(item, level + 1);
      if item is null then
        return null;
      end if;
      made := made || jsonb_build_array(item);
    end loop;
  else
    made := '{{}}';
    for name, item in select * from jsonb_each(value) loop
      item := {plain}(item, level + 1);
      if item is null then
        return null;
      end if;
      made := made || jsonb_build_object(name, item);
    end loop;
  end if;
  return made;
end $body$;
revoke all on function {plain}(jsonb, integer) from public
