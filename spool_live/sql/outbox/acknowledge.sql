-- What the Supabase database holds of sites now. An older answer takes nothing back. Updates that
-- waited because the site was refused may go at once.
WITH given AS (
  SELECT *
  FROM unnest(%(sites)s::uuid[], %(versions)s::bigint[], %(epochs)s::bigint[],
              %(deleted)s::boolean[], %(runs)s::uuid[])
    AS g (site_id, version, epoch, is_deleted, run)
), held AS (
  -- In a fixed order: two of delivery's transactions never deadlock.
  SELECT d.site_id
  FROM live_site_deliveries d
  WHERE d.site_id IN (SELECT site_id FROM given)
  ORDER BY d.site_id
  FOR UPDATE
)
UPDATE live_site_deliveries d
SET acknowledged_version = greatest(d.acknowledged_version, g.version),
    acknowledged_epoch = CASE WHEN g.version >= d.acknowledged_version THEN g.epoch
                              ELSE d.acknowledged_epoch END,
    deleted_at = CASE WHEN g.is_deleted THEN coalesce(d.deleted_at, %(now)s)
                      ELSE d.deleted_at END,
    mirror_run = nullif(d.mirror_run, g.run),
    retry_at = CASE WHEN d.mirror_error = '' OR d.last_error <> d.mirror_error THEN d.retry_at END,
    last_error = CASE WHEN d.last_error <> d.mirror_error THEN d.last_error ELSE '' END,
    mirror_retry_at = NULL,
    mirror_error = ''
FROM held JOIN given g USING (site_id)
WHERE d.site_id = held.site_id
