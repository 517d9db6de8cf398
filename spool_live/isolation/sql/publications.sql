select p.puballtables as all_tables, p.pubdelete or p.pubtruncate as deletes, p.pubupdate as updates, p.pubinsert as inserts,
       array(select t.schemaname || '.' || t.tablename
             from pg_catalog.pg_publication_tables t where t.pubname = p.pubname order by 1) as tables,
       array(select n.nspname::text
             from pg_catalog.pg_publication_namespace s
             join pg_catalog.pg_namespace n on n.oid = s.pnnspid
             where s.pnpubid = p.oid order by 1) as schemas,
       exists (select from pg_catalog.pg_publication_rel r
               where r.prpubid = p.oid and r.prrelid = to_regclass('public.live_updates')
                 and (r.prattrs is not null or r.prqual is not null)) as filtered
from pg_catalog.pg_publication p
where p.pubname = 'supabase_realtime'
