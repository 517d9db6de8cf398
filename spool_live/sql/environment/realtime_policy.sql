-- A token may join the private topic of its own site and epoch, to listen. Nothing lets it send.
drop policy if exists spool_live_join_own_site on realtime.messages;
create policy spool_live_join_own_site on realtime.messages
  for select to authenticated
  using (extension = 'broadcast' and topic = (select spool_live.authorized_topic()));
