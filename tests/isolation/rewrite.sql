-- Changes the text of a function; raises where there is nothing to change.
create or replace function pg_temp.rewrite(signature text, old text, new text) returns void
language plpgsql as $$
declare
  definition text := pg_get_functiondef(signature::regprocedure);
begin
  if position(old in definition) = 0 then
    raise exception 'nothing to rewrite in %: %', signature, old;
  end if;
  execute replace(definition, old, new);
end $$;
