-- Leases the sites that have something that may go now, past those that another transaction of
-- delivery holds locked, and keeps their ids for the statements that follow in this transaction.
-- A site that has no state yet gets one. While Supabase is away only the trial leases anything.
WITH RECURSIVE {walk}, locked AS (
  -- In a fixed order: two of delivery's transactions never deadlock.
  SELECT d.site_id
  FROM live_site_deliveries d
  WHERE d.site_id IN (SELECT site_id FROM ripe)
    AND (%(trial)s OR NOT EXISTS (SELECT FROM live_delivery_circuit WHERE failures > 0))
    AND (d.leased_until > %(now)s AND d.leased_until <= %(farthest_lease)s) IS NOT TRUE
    AND (d.retry_at > %(now)s AND d.retry_at <= %(farthest_retry)s) IS NOT TRUE
  ORDER BY d.site_id
  FOR UPDATE SKIP LOCKED
), leased AS (
  UPDATE live_site_deliveries d
  SET lease_token = %(token)s, leased_until = %(leased_until)s
  FROM locked
  WHERE d.site_id = locked.site_id
  RETURNING d.site_id
), made AS (
  INSERT INTO live_site_deliveries
    (site_id, last_seq, merged, history_floor, acknowledged_version, acknowledged_epoch,
     refused_version, mirror_error, failures, last_error, lease_token, leased_until)
  SELECT site_id, 0, 0, 0, 0, 0, 0, '', 0, '', %(token)s, %(leased_until)s
  FROM ripe
  WHERE is_new
    AND (%(trial)s OR NOT EXISTS (SELECT FROM live_delivery_circuit WHERE failures > 0))
  ORDER BY site_id
  ON CONFLICT (site_id) DO NOTHING
  RETURNING site_id
)
SELECT set_config('spool_live.leased', coalesce(array_agg(site_id), '{}')::text, true)
FROM (SELECT site_id FROM leased UNION ALL SELECT site_id FROM made) mine
