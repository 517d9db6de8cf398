-- A table of ours in an exposed schema that no API role may touch: not even after somebody grants
-- everything to everybody. Roles of the application itself go on as before: whoever is not a role of
-- the API.
alter table {table} enable row level security;
revoke all on {table} from anon, authenticated;
do $$
declare
  owned regclass;
begin
  for owned in
    select s.oid
    from pg_catalog.pg_depend d
    join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
    where d.classid = 'pg_catalog.pg_class'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass
      and d.refobjid = '{table}'::regclass and d.deptype in ('a', 'i')
  loop
    execute 'revoke all on sequence ' || owned::text || ' from anon, authenticated';
  end loop;
end $$;
drop policy if exists spool_live_application on {table};
create policy spool_live_application on {table} for all to public
  using (current_user <> all ('{anon,authenticated}')) with check (current_user <> all ('{anon,authenticated}'));
drop policy if exists spool_live_closed on {table};
create policy spool_live_closed on {table} as restrictive for all to anon, authenticated
  using (false) with check (false);
