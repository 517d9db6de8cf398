-- What Realtime writes before it looks which of it a subscriber may see; taken back after the check.
insert into realtime.messages (topic, extension)
select topic, extension
from unnest(%(topics)s::text[]) topic cross join unnest(array['broadcast', 'presence']) extension
returning id::text, topic, inserted_at::text
