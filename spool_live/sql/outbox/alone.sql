-- One site, whether or not anything of it waits: for a claim of its own.
ripe AS MATERIALIZED (
  SELECT w.site_id, d.site_id IS NULL AS is_new
  FROM (SELECT %(alone)s::uuid AS site_id) w
  LEFT JOIN live_site_deliveries d USING (site_id)
)
