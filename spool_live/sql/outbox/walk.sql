-- The sites that have something that may go now, found by jumping from site to site in the index:
-- what cannot go costs one step a site, however much of it waits. From a site at random and round
-- to it, so that none is the last one for ever.
onward AS (
  (SELECT o.site_id FROM live_updates_outbox o
   WHERE o.state = 'pending' AND o.site_id >= %(start)s
   ORDER BY o.site_id LIMIT 1)
  UNION ALL
  SELECT following.site_id
  FROM onward CROSS JOIN LATERAL (
    SELECT o.site_id FROM live_updates_outbox o
    WHERE o.state = 'pending' AND o.site_id > onward.site_id
    ORDER BY o.site_id LIMIT 1) following
), round_to_it AS (
  (SELECT o.site_id FROM live_updates_outbox o
   WHERE o.state = 'pending' AND o.site_id < %(start)s
   ORDER BY o.site_id LIMIT 1)
  UNION ALL
  SELECT following.site_id
  FROM round_to_it CROSS JOIN LATERAL (
    SELECT o.site_id FROM live_updates_outbox o
    WHERE o.state = 'pending' AND o.site_id > round_to_it.site_id AND o.site_id < %(start)s
    ORDER BY o.site_id LIMIT 1) following
), ripe AS MATERIALIZED (
  SELECT w.site_id, d.site_id IS NULL AS is_new
  FROM (SELECT site_id FROM onward UNION ALL SELECT site_id FROM round_to_it) w
  LEFT JOIN LATERAL (
    SELECT d.site_id,
           d.leased_until > %(now)s AND d.leased_until <= %(farthest_lease)s
           OR d.retry_at > %(now)s AND d.retry_at <= %(farthest_retry)s AS is_busy
    FROM live_site_deliveries d
    WHERE d.site_id = w.site_id) d ON true
  WHERE d.is_busy IS NOT TRUE
    {ripe_entry}
  LIMIT %(limit)s
)
