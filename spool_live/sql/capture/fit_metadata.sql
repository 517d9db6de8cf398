-- Metadata cut to 8 KiB as updates.metadata_json cuts it: entry by entry in the order of names, what
-- does not fit is left out and flagged.
create or replace function {fit}(metadata jsonb, names text[]) returns jsonb
language plpgsql immutable security invoker set search_path = pg_catalog, pg_temp as $body$
declare
  name text;
  size integer := 1;
  room integer := {limit} - octet_length('{{"truncated":true,"invalid":true}}');
  kept jsonb := '{{}}';
  cut boolean := false;
begin
  foreach name in array names loop
    if metadata ? name then
      size := size + octet_length(to_json(name)::text || (metadata -> name)::text) + 2;
    end if;
  end loop;
  if size <= {limit} then
    return metadata;
  end if;
  foreach name in array names loop
    continue when not metadata ? name;
    size := octet_length(to_json(name)::text || (metadata -> name)::text) + 3;
    if size > room then
      cut := true;
    else
      room := room - size;
      kept := kept || jsonb_build_object(name, metadata -> name);
    end if;
  end loop;
  return case when cut then kept || jsonb_build_object('truncated', true) else kept end;
end $body$;
revoke all on function {fit}(jsonb, text[]) from public
