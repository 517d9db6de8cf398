-- One permissive policy, and restrictive fences: a permissive policy added later by mistake
-- cannot widen anything.
drop policy if exists live_updates_read_own_site on public.live_updates;
create policy live_updates_read_own_site on public.live_updates
  for select to authenticated
  using (site_id = (select spool_live.authorized_site_id()));

drop policy if exists live_updates_fence on public.live_updates;
create policy live_updates_fence on public.live_updates as restrictive
  for all to authenticated
  using (site_id = (select spool_live.authorized_site_id())) with check (false);

drop policy if exists live_updates_fence_anon on public.live_updates;
create policy live_updates_fence_anon on public.live_updates as restrictive
  for all to anon
  using (false) with check (false);

-- Nobody of the API has a right on these; the policies say so too, and linters see that they do.
drop policy if exists spool_live_closed on spool_live.sites;
create policy spool_live_closed on spool_live.sites as restrictive for all to anon, authenticated
  using (false) with check (false);
drop policy if exists spool_live_closed on spool_live.api_keys;
create policy spool_live_closed on spool_live.api_keys as restrictive for all to anon, authenticated
  using (false) with check (false);
