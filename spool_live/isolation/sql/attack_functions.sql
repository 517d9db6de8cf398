-- Run a statement as an API role, with the settings that its request would have, and roll it back. As a
-- function, hundreds of them need one round trip. The values of settings are indexes into texts.
create function pg_temp.spool_live_attack(
  as_role text, settings jsonb, texts text[], statement text, answers boolean,
  out answer jsonb, out affected bigint, out error_code text, out error_text text
) language plpgsql as $$
declare
  setting record;
begin
  for setting in select s.key, s.value from jsonb_each_text(settings) s loop
    perform set_config(setting.key, texts[setting.value::integer], true);
  end loop;
  perform set_config('role', as_role, true),
          set_config('enable_seqscan', 'off', true);  -- a table of millions is no reason to wait
  if answers then
    execute statement into answer;
  else
    execute statement;
  end if;
  get diagnostics affected = row_count;
  raise exception using errcode = 'SL000', message = 'take it back';
exception
  when sqlstate 'SL000' then
    null;
  when others then
    answer := null;
    affected := null;
    error_code := sqlstate;
    error_text := sqlerrm;
end $$;

-- What Realtime does for each change and the subscribers of a role: one prepared statement, executed
-- under the claims of one after the other. Nothing is caught there, nor here: claims that make a
-- policy raise end it.
create function pg_temp.spool_live_poll(as_role text, claims text[], targets uuid[])
returns table (place bigint, visible uuid[])
language plpgsql as $$
declare
  subscriber record;
begin
  execute format(
    'prepare spool_live_poll as '
    'select array(select u.id from public.live_updates u where u.id = any (%L::uuid[]))', targets);
  for subscriber in select * from unnest(claims) with ordinality as given (text, place) loop
    perform set_config('role', as_role, true),
            set_config('request.jwt.claims', subscriber.text, true);
    execute 'execute spool_live_poll' into visible;
    place := subscriber.place;
    return next;
  end loop;
  perform set_config('role', 'none', true), set_config('request.jwt.claims', '', true);
  deallocate spool_live_poll;
exception when query_canceled or others then
  deallocate spool_live_poll;  -- prepared statements outlive the transaction
  raise;
end $$;
