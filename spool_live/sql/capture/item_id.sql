-- The UUIDv5 (RFC 9562) by which subscribers know an item whose key is not a UUID. PostgreSQL has no
-- SHA-1 of its own: this is FIPS 180-4, 6.1.2. Slow (80 us); uuid-ossp does it in one.
create or replace function {item_id}(name text) returns uuid
language plpgsql immutable strict security invoker set search_path = pg_catalog, pg_temp as $body$
declare
  low constant bigint := 4294967295;
  message bytea := {namespace} || convert_to(name, 'UTF8');
  size bigint := length(message);
  h0 bigint := 1732584193; h1 bigint := 4023233417; h2 bigint := 2562383102;
  h3 bigint := 271733878; h4 bigint := 3285377520;
  a bigint; b bigint; c bigint; d bigint; e bigint; k bigint; x bigint; w bigint[];
begin
  message := message || '\x80'::bytea
    || decode(repeat('00', ((119 - size % 64) % 64)::integer), 'hex') || int8send(size * 8);
  for start in 0 .. length(message) - 64 by 64 loop
    for t in 1 .. 16 loop
      x := start + t * 4 - 4;
      w[t] := (get_byte(message, x::integer)::bigint << 24)
        | (get_byte(message, x::integer + 1) << 16)
        | (get_byte(message, x::integer + 2) << 8) | get_byte(message, x::integer + 3);
    end loop;
    for t in 17 .. 80 loop
      x := w[t - 3] # w[t - 8] # w[t - 14] # w[t - 16];
      w[t] := ((x << 1) | (x >> 31)) & low;
    end loop;
    a := h0; b := h1; c := h2; d := h3; e := h4;
    for t in 1 .. 80 loop
      case (t - 1) / 20
        when 0 then x := d # (b & (c # d)); k := 1518500249;
        when 1 then x := b # c # d; k := 1859775393;
        when 2 then x := (b & c) | (d & (b | c)); k := 2400959708;
        else x := b # c # d; k := 3395469782;
      end case;
      x := (x + (a << 5) + (a >> 27) + e + k + w[t]) & low;
      e := d; d := c; c := ((b << 30) | (b >> 2)) & low; b := a; a := x;
    end loop;
    h0 := (h0 + a) & low; h1 := (h1 + b) & low; h2 := (h2 + c) & low;
    h3 := (h3 + d) & low; h4 := (h4 + e) & low;
  end loop;
  -- The first 16 bytes, with version 5 and the variant in their places.
  return encode(int8send((h0 << 32) | (h1 & 4294905855) | 20480)
    || int8send((((h2 & 1073741823) | 2147483648) << 32) | h3), 'hex')::uuid;
end $body$;
revoke all on function {item_id}(text) from public
