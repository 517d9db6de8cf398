do $$ begin
  if exists (
    select from pg_catalog.pg_publication_tables
    where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = 'live_updates'
  ) then
    alter publication supabase_realtime drop table public.live_updates;
  end if;
end $$;
