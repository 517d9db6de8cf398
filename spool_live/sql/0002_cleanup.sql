-- Removes at most max_rows updates inserted before a moment. Safe twice at once: the second caller
-- gets busy = true. publishes_deletes tells the caller whether Realtime has to read each deletion
-- from the WAL, in which case it must go slowly.
create function public.spool_live_cleanup(before timestamptz, max_rows integer) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  removed integer := 0;
  got_lock boolean := pg_try_advisory_xact_lock(hashtext('spool_live_cleanup'));
begin
  if got_lock then
    delete from public.live_updates
    where ctid = any (array(
      select u.ctid from public.live_updates u
      where u.inserted_at < before
      limit max_rows
      for update skip locked));
    get diagnostics removed = row_count;
  end if;
  return jsonb_build_object(
    'deleted', removed,
    'busy', not got_lock,
    'publishes_deletes', exists (
      select from pg_catalog.pg_publication p
      join pg_catalog.pg_publication_tables t on t.pubname = p.pubname
      where t.schemaname = 'public' and t.tablename = 'live_updates' and p.pubdelete));
end $$;
revoke all on function public.spool_live_cleanup(timestamptz, integer) from public;
