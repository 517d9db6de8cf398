-- Exactly these rights for Supabase's API roles, whatever the default privileges gave them.
revoke all on schema spool_live from anon, authenticated, service_role;
revoke all on spool_live.sites, spool_live.api_keys from anon, authenticated, service_role;
revoke all on all functions in schema spool_live from anon, authenticated, service_role;
-- Every role that could be named in a policy may execute what the policies ask: a missing EXECUTE
-- raises inside Realtime and stops delivery for everybody.
grant execute on function spool_live.authorized_site_id(), spool_live.authorized_topic()
  to anon, authenticated, service_role;

revoke all on public.live_updates from anon, authenticated, service_role;
grant select on public.live_updates to authenticated;
grant select, insert, delete on public.live_updates to service_role;

revoke all on function public.spool_live_mirror(jsonb) from anon, authenticated, service_role;
revoke all on function public.spool_live_cleanup(timestamptz, integer) from anon, authenticated, service_role;
grant execute on function public.spool_live_mirror(jsonb) to service_role;
grant execute on function public.spool_live_cleanup(timestamptz, integer) to service_role;
