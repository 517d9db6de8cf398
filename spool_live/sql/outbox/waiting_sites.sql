-- The sites that have something waiting, by jumping from site to site in the index: one step a
-- site, however much of it waits.
WITH RECURSIVE walk (site_id) AS (
  SELECT min(o.site_id) FROM live_updates_outbox o WHERE o.state = 'pending'
  UNION ALL
  SELECT (SELECT min(o.site_id) FROM live_updates_outbox o
          WHERE o.state = 'pending' AND o.site_id > walk.site_id)
  FROM walk
  WHERE walk.site_id IS NOT NULL
)
SELECT site_id FROM walk WHERE site_id IS NOT NULL
