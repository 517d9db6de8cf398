-- Somebody else's 500 tables, with policies and triggers, 300 functions and 50 views.
do $$
begin
  create function public.crowd_touch() returns trigger language plpgsql as
    'begin return new; end';
  for n in 1..500 loop
    execute format('create table public.crowd_%s (id integer primary key, owner uuid, title text
                    default ''x'', at timestamptz default now(), check (id > 0))', n);
    execute format('alter table public.crowd_%s enable row level security', n);
    execute format('create policy own on public.crowd_%s for all to authenticated
                    using (owner = auth.uid())', n);
    execute format('grant select, insert, update, delete on public.crowd_%s to authenticated', n);
    execute format('create trigger touch before update on public.crowd_%s
                    for each row execute function public.crowd_touch()', n);
  end loop;
  for n in 1..300 loop
    execute format($f$create function public.crowd_of_%s(wanted uuid) returns bigint language plpgsql as $b$
      declare found bigint;
      begin
        select count(*) into found from public.crowd_%s c join public.crowd_%s d using (id)
        where c.owner = wanted;  -- nothing to execute
        perform public.crowd_of_%s(wanted);
        return found;
      end $b$ $f$, n, n, n + 1, greatest(1, n - 1));
  end loop;
  for n in 1..50 loop
    execute format('create view public.crowd_view_%s with (security_invoker = true) as
                    select c.id, d.title from public.crowd_%s c join public.crowd_%s d using (id)', n, n, n + 1);
  end loop;
end $$;
