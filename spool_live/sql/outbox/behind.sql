-- The sites to mirror next: those where a right was lost, then those that have changed, then those
-- that a run asks for. What was refused waits for its time, unless it has changed since. From a
-- site at random, so that two workers rarely send the same.
(SELECT m.site_id
 FROM live_site_mirrors m LEFT JOIN live_site_deliveries d USING (site_id)
 WHERE m.pending > 0
   AND m.site_id <> ALL (%(tried)s::uuid[])
   AND (d.refused_version = m.version
        AND d.mirror_retry_at > %(now)s AND d.mirror_retry_at <= %(farthest_retry)s) IS NOT TRUE
 ORDER BY m.pending DESC, m.site_id < %(start)s, m.site_id
 LIMIT %(limit)s)
UNION ALL
(SELECT d.site_id
 FROM live_site_deliveries d
 WHERE d.mirror_run IS NOT NULL
   AND d.site_id <> ALL (%(tried)s::uuid[])
   AND (d.mirror_retry_at > %(now)s AND d.mirror_retry_at <= %(farthest_retry)s) IS NOT TRUE
 ORDER BY d.site_id < %(start)s, d.site_id
 LIMIT %(limit)s)
