-- The next updates of every site that has any, found by jumping from site to site: a backlog makes
-- this no dearer. Each site gets its share of the sample, and one at least.
WITH RECURSIVE jumps AS (
  (SELECT site_id FROM live_updates_outbox WHERE state = 'pending' ORDER BY site_id LIMIT 1)
  UNION ALL
  SELECT (
    SELECT o.site_id FROM live_updates_outbox o
    WHERE o.state = 'pending' AND o.site_id > j.site_id ORDER BY o.site_id LIMIT 1
  )
  FROM jumps j WHERE j.site_id IS NOT NULL
), sites AS (
  SELECT site_id FROM jumps WHERE site_id IS NOT NULL LIMIT %(sample)s
)
SELECT n.site_id, n.collection, n.event_type, n.timestamp
FROM sites CROSS JOIN LATERAL (
  SELECT o.site_id, o.collection, o.event_type, o.timestamp FROM live_updates_outbox o
  WHERE o.state = 'pending' AND o.site_id = sites.site_id
  ORDER BY o.seq, o.id LIMIT greatest(1, %(sample)s / (SELECT count(*) FROM sites))
) n
