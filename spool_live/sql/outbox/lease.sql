-- Leases the sites whose updates come next, past those that another claim holds locked, and answers
-- their states, each with whether the site still exists. A site that has no state yet gets one.
-- While Supabase is away nothing is leased but by the trial.
WITH ripe AS (
  SELECT o.site_id
  FROM live_updates_outbox o
  WHERE o.state = 'pending'
    AND (%(trial)s OR NOT EXISTS (SELECT FROM live_delivery_circuit WHERE failures > 0))
    AND NOT EXISTS (
      SELECT FROM live_site_deliveries d
      WHERE d.site_id = o.site_id
        AND (d.leased_until > %(now)s AND d.leased_until <= %(farthest_lease)s
             OR d.retry_at > %(now)s AND d.retry_at <= %(farthest_retry)s))
    {held}
  ORDER BY o.seq NULLS LAST, o.id
  LIMIT %(limit)s
), waiting AS MATERIALIZED (
  SELECT DISTINCT site_id FROM ripe
), free AS (
  -- In a fixed order: two claims never deadlock.
  SELECT d.site_id
  FROM live_site_deliveries d
  WHERE d.site_id IN (SELECT site_id FROM waiting)
    AND (d.leased_until > %(now)s AND d.leased_until <= %(farthest_lease)s) IS NOT TRUE
    AND (d.retry_at > %(now)s AND d.retry_at <= %(farthest_retry)s) IS NOT TRUE
  ORDER BY d.site_id
  FOR UPDATE SKIP LOCKED
), leased AS (
  UPDATE live_site_deliveries d
  SET lease_token = %(token)s, leased_until = %(leased_until)s
  FROM free
  WHERE d.site_id = free.site_id
  RETURNING d.*
), made AS (
  INSERT INTO live_site_deliveries
    (site_id, last_seq, merged, history_floor, version, acknowledged_version, epoch,
     acknowledged_epoch, failures, last_error, lease_token, leased_until)
  SELECT site_id, 0, 0, 0, 1, 0, 1, 0, 0, '', %(token)s, %(leased_until)s
  FROM waiting
  WHERE NOT EXISTS (SELECT FROM live_site_deliveries d WHERE d.site_id = waiting.site_id)
  ORDER BY site_id
  ON CONFLICT (site_id) DO NOTHING
  RETURNING *
)
SELECT EXISTS (SELECT FROM sites s WHERE s.id = mine.site_id) AS is_there, mine.*
FROM (SELECT * FROM leased UNION ALL SELECT * FROM made) mine
