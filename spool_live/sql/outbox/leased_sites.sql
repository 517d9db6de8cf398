-- The leased sites, read once their entries are taken: a change of a site or of its keys that was
-- committed before one of these entries is seen here, so that it goes first.
SELECT d.site_id, d.failures,
       d.deleted_at IS NOT NULL OR m.deleted_at IS NOT NULL
       OR NOT EXISTS (SELECT FROM sites s WHERE s.id = d.site_id) AS is_gone,
       d.deleted_at IS NULL
       AND (d.mirror_run IS NOT NULL OR coalesce(m.version, 1) > d.acknowledged_version)
         AS is_behind
FROM live_site_deliveries d LEFT JOIN live_site_mirrors m USING (site_id)
WHERE d.site_id = ANY (current_setting('spool_live.leased')::uuid[])
  AND d.lease_token = %(token)s
