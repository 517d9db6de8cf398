-- Whether our table is the only one that Realtime's publication holds or will hold by itself.
select coalesce(
  (select not p.puballtables
          and not exists (select from pg_catalog.pg_publication_namespace s where s.pnpubid = p.oid)
          and array(select t.schemaname || '.' || t.tablename
                    from pg_catalog.pg_publication_tables t where t.pubname = p.pubname)
              = array['public.live_updates']
   from pg_catalog.pg_publication p where p.pubname = 'supabase_realtime'), false)
