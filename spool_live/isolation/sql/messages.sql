-- Messages for Realtime that this transaction stored and that concern the given sites.
select m.id::text, m.topic, m.extension, m.event, m.private, m.payload::text as payload,
       octet_length(m.payload::text) as bytes
from realtime.messages m
where m.inserted_at >= (now() at time zone 'utc')
  and exists (
    select from unnest(%(sites)s::text[]) site
    where position(site in m.topic) > 0 or position(site in m.payload::text) > 0)
