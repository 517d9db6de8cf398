-- The rows that Realtime stores to check which of them a subscriber can see; rolled back afterwards.
insert into realtime.messages (topic, extension)
select topic, extension
from unnest(%(topics)s::text[]) topic cross join unnest(array['broadcast', 'presence']) extension
returning id::text, topic, inserted_at::text
