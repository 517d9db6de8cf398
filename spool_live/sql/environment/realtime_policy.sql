-- A token may join the private topic of its own site and epoch, to listen. Nothing lets it send.
drop policy if exists spool_live_join_own_site on realtime.messages;
create policy spool_live_join_own_site on realtime.messages
  for select to authenticated
  using (extension = 'broadcast' and topic = (select spool_live.authorized_topic()));

-- A fence around the topics of sites alone: whatever policies a project has for its other topics
-- ("authenticated can receive broadcasts"), they do not open these, for listening or for sending.
drop policy if exists spool_live_fence on realtime.messages;
create policy spool_live_fence on realtime.messages as restrictive
  for all to anon, authenticated
  using (topic !~ '^site:[0-9a-f-]{36}:'
         or (extension = 'broadcast' and topic = (select spool_live.authorized_topic())))
  with check (topic !~ '^site:[0-9a-f-]{36}:');
