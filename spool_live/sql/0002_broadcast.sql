-- New updates go to the private Realtime topic of their site, aggregated: at most 100 updates and
-- about 100 kB a message. The row in live_updates is the record: whatever is missing on Realtime's
-- side (its schema, today's partition, a privilege) costs a warning, never the write; the
-- subscriber's catch-up repairs a lost push.
-- The share lock keeps a message and a change of epoch apart: once a new epoch has committed,
-- nothing goes to the old topic.
create function spool_live.broadcast_new_updates() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if to_regclass('realtime.messages') is null then
    return null;
  end if;
  perform from spool_live.sites s
    where s.site_id in (select n.site_id from new_rows n)
    order by s.site_id
    for share;
  insert into realtime.messages (id, topic, extension, event, private, payload)
  select gen_random_uuid(), 'site:' || part.site_id || ':' || part.epoch,
         'broadcast', 'live_updates', true,
         jsonb_build_object('epoch', part.epoch,
                            'changes', jsonb_agg(part.change order by part.place))
  from (
    select measured.*,
           (measured.place - 1) / 100 as by_count,
           (sum(measured.bytes) over (partition by measured.site_id
                                      order by measured.place) - measured.bytes) / 80000 as by_size
    from (
      select n.site_id, s.epoch, as_json.change,
             octet_length(as_json.change::text) as bytes,
             row_number() over (partition by n.site_id
                                order by n.seq nulls last, n."timestamp", n.id) as place
      from new_rows n
      join spool_live.sites s on s.site_id = n.site_id and s.deleted_at is null
      cross join lateral (
        select jsonb_build_object(
          'id', n.id, 'site_id', n.site_id, 'event_type', n.event_type,
          'collection', n.collection, 'slug', n.slug, 'item_id', n.item_id,
          'timestamp', n."timestamp", 'metadata', n.metadata, 'seq', n.seq) as change
      ) as_json
    ) measured
  ) part
  group by part.site_id, part.epoch, part.by_count, part.by_size
  order by part.site_id, part.by_count, part.by_size;
  return null;
exception when others then
  raise warning 'spool_live: updates were stored but not broadcast: % %', sqlstate, sqlerrm;
  return null;
end $$;
revoke all on function spool_live.broadcast_new_updates() from public;

create trigger live_updates_broadcast
  after insert on public.live_updates
  referencing new table as new_rows
  for each statement execute function spool_live.broadcast_new_updates();
