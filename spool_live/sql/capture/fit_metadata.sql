-- Metadata as metadata.metadata_json writes it: I-JSON of at most 8 KiB. Entry by entry in the order
-- of names, what cannot travel or does not fit is left out and flagged.
create or replace function {fit}(metadata jsonb, names text[]) returns jsonb
language plpgsql immutable security invoker set search_path = pg_catalog, pg_temp as $body$
declare
  name text;
  value jsonb;
  size integer := 1;
  room integer := {limit} - octet_length('{{"truncated":true,"invalid":true}}');
  plain jsonb := '{{}}';
  kept jsonb := '{{}}';
  flags jsonb := '{{}}';
begin
  foreach name in array names loop
    continue when not metadata ? name;
    value := {plain}(metadata -> name, 2);
    if value is null then
      flags := '{{"invalid": true}}';
    else
      plain := plain || jsonb_build_object(name, value);
      size := size + octet_length(to_json(name)::text || value::text) + 2;
    end if;
  end loop;
  if flags = '{{}}' and size <= {limit} then
    return plain;
  end if;
  foreach name in array names loop
    continue when not plain ? name;
    size := octet_length(to_json(name)::text || (plain -> name)::text) + 3;
    if size > room then
      flags := flags || '{{"truncated": true}}';
    else
      room := room - size;
      kept := kept || jsonb_build_object(name, plain -> name);
    end if;
  end loop;
  return kept || flags;
end $body$;
revoke all on function {fit}(jsonb, text[]) from public
