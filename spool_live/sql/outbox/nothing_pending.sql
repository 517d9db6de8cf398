-- Takes sites off the list of those to mirror, where all is acknowledged. A row that an editor
-- holds stays on it: whoever finds it there sees that nothing is to be done, and tries again.
UPDATE live_site_mirrors m
SET pending = 0
FROM (
  SELECT m.site_id
  FROM live_site_mirrors m JOIN live_site_deliveries d USING (site_id)
  WHERE m.site_id = ANY (%(sites)s::uuid[]) AND m.pending > 0
    AND (m.version <= d.acknowledged_version OR d.deleted_at IS NOT NULL)
  ORDER BY m.site_id
  FOR UPDATE OF m SKIP LOCKED) done
WHERE m.site_id = done.site_id
