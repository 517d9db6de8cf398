-- Numbers all that waits of the leased sites, in order, and leaves to catch-up what a newer update
-- of the same item has overtaken; publications and deletions are never left.
WITH waiting AS MATERIALIZED (
  SELECT o.id, o.site_id, o.seq,
         row_number() OVER (PARTITION BY o.site_id, o.seq IS NULL ORDER BY o.id) AS nth,
         o.event_type IN ('content.created', 'content.updated')
         AND lead(o.id) OVER (PARTITION BY o.site_id, o.collection, o.item_id
                              ORDER BY o.seq NULLS LAST, o.id) IS NOT NULL AS overtaken
  FROM live_updates_outbox o
  WHERE o.state = 'pending'
    AND o.site_id = ANY (current_setting('spool_live.leased')::uuid[])
    {held}
), raised AS (
  UPDATE live_site_deliveries d
  SET last_seq = d.last_seq + many.number
  FROM (SELECT site_id, count(*) FILTER (WHERE seq IS NULL) AS number
        FROM waiting GROUP BY site_id) many
  WHERE d.site_id = many.site_id
  RETURNING d.site_id, d.last_seq - many.number AS last_seq
)
UPDATE live_updates_outbox o
SET seq = coalesce(o.seq, raised.last_seq + w.nth),
    state = CASE WHEN w.overtaken THEN 'left' ELSE o.state END,
    settled_at = CASE WHEN w.overtaken THEN %(now)s END
FROM waiting w JOIN raised USING (site_id)
WHERE o.id = w.id AND (w.overtaken OR w.seq IS NULL)
