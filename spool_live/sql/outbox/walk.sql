-- The sites that a claim takes: round all that have something waiting, by jumping from site to site
-- in the index, so what cannot go costs one step a site, however much of it waits. Sites are taken
-- until the batch is full; after that only those with few entries, which go beside it and would
-- otherwise wait for the backlogs of the others. The other backlogs are left to other workers.
walk (site_id, is_round, is_new, is_taken, room) AS (
  SELECT %(start)s::uuid, false, false, false, %(limit)s::bigint
  UNION ALL
  SELECT n.site_id, n.is_round, d.is_new,
         c.waiting > 0 AND (walk.room > 0 OR c.waiting <= %(few)s),
         greatest(walk.room - c.waiting, 0)
  FROM walk
  CROSS JOIN LATERAL (
    (SELECT o.site_id, walk.is_round FROM live_updates_outbox o
     WHERE o.state = 'pending' AND o.site_id > walk.site_id
       AND o.site_id <= CASE WHEN walk.is_round THEN %(start)s::uuid
                             ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff' END
     ORDER BY o.site_id LIMIT 1)
    UNION ALL
    (SELECT o.site_id, true FROM live_updates_outbox o
     WHERE o.state = 'pending' AND o.site_id <= %(start)s AND NOT walk.is_round
     ORDER BY o.site_id LIMIT 1)
    LIMIT 1) n
  CROSS JOIN LATERAL (
    SELECT count(*) = 0 AS is_new,
           bool_or(d.leased_until > %(now)s AND d.leased_until <= %(farthest_lease)s
                   OR d.retry_at > %(now)s AND d.retry_at <= %(farthest_retry)s) AS is_busy
    FROM live_site_deliveries d
    WHERE d.site_id = n.site_id) d
  CROSS JOIN LATERAL (
    SELECT count(*) AS waiting
    FROM (SELECT FROM live_updates_outbox o
          WHERE o.state = 'pending' AND o.site_id = n.site_id AND d.is_busy IS NOT TRUE
            {held}
          ORDER BY o.seq, o.id  -- by the index, however little the planner thinks is there
          LIMIT greatest(walk.room, %(few)s + 1)) entry) c
), ripe AS MATERIALIZED (
  SELECT site_id, is_new FROM walk WHERE is_taken LIMIT %(limit)s
)
