with stored as (
  insert into public.live_updates (id, site_id, event_type, collection, item_id, metadata, seq)
  select given.id, given.site, 'content.updated', 'verify_rls', gen_random_uuid(),
         jsonb_build_object('filler', repeat('x', given.filler)), given.seq
  from unnest(%(ids)s::uuid[], %(sites)s::uuid[], %(seqs)s::bigint[], %(fillers)s::integer[])
    as given (id, site, seq, filler)
  on conflict (id) do nothing
  returning 1
)
select count(*) from stored
