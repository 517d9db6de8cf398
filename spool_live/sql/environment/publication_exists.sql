select exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime')
