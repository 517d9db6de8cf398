-- The next entries of the leased sites, as many as fit, numbered where they have no number yet.
-- The sites take turns, entry by entry, so that the backlog of one costs the others little. Those
-- of which nothing fits are given back at once.
-- To be run after the lease, as a statement of its own: it must see what the holder of the lease
-- before this one has committed.
WITH mine AS MATERIALIZED (
  SELECT unnest(current_setting('spool_live.leased')::uuid[]) AS site_id
), turns AS (
  SELECT oldest.id, oldest.site_id,
         row_number() OVER (PARTITION BY oldest.site_id
                            ORDER BY oldest.seq NULLS LAST, oldest.id) AS turn
  FROM mine CROSS JOIN LATERAL (
    SELECT o.id, o.site_id, o.seq
    FROM live_updates_outbox o
    WHERE o.state = 'pending' AND o.site_id = mine.site_id
      {held}
    ORDER BY o.seq NULLS LAST, o.id
    LIMIT %(limit)s
  ) oldest
), chosen AS MATERIALIZED (
  SELECT id, turn FROM turns ORDER BY turn, site_id <= %(start)s, site_id LIMIT %(limit)s
), next AS MATERIALIZED (
  -- OFFSET 0: each by its primary key, however few rows the planner thinks the table has.
  SELECT c.turn, o.*
  FROM chosen c CROSS JOIN LATERAL (
    SELECT o.id, o.update_id, o.site_id, o.event_type, o.collection, o.item_id, o.slug,
           -- Python's years end at 9999: one row that it cannot read would cost the whole claim.
           CASE WHEN o.timestamp >= '0001-01-02' AND o.timestamp < '9999-12-31'
                THEN o.timestamp END AS timestamp,
           o.metadata::text AS metadata, o.seq, o.merged,
           CASE WHEN o.last_error <> '' THEN o.attempts ELSE 0 END AS refusals, o.trace_context
    FROM live_updates_outbox o
    WHERE o.id = c.id
    OFFSET 0
  ) o
), fitting AS MATERIALIZED (
  SELECT m.*
  FROM (
    SELECT n.*, row_number() OVER w AS place,
           sum(%(row_bytes)s + octet_length(n.metadata)) OVER w AS bytes
    FROM next n
    WINDOW w AS (ORDER BY n.turn, n.site_id <= %(start)s, n.site_id ROWS UNBOUNDED PRECEDING)
  ) m
  WHERE m.place = 1 OR m.bytes <= %(bytes)s
), fresh AS MATERIALIZED (
  SELECT id, site_id, row_number() OVER (PARTITION BY site_id ORDER BY id) AS nth
  FROM fitting
  WHERE seq IS NULL
), raised AS (
  UPDATE live_site_deliveries d
  SET last_seq = d.last_seq + many.number
  FROM (SELECT site_id, count(*) AS number FROM fresh GROUP BY site_id) many
  WHERE d.site_id = many.site_id
  RETURNING d.site_id, d.last_seq - many.number AS last_seq
), numbered AS (
  UPDATE live_updates_outbox o
  SET seq = raised.last_seq + fresh.nth
  FROM fresh JOIN raised USING (site_id)
  WHERE o.id = fresh.id AND o.id = ANY (ARRAY(SELECT id FROM fresh))
  RETURNING o.id, o.seq
), given_back AS (
  UPDATE live_site_deliveries d
  SET lease_token = NULL, leased_until = NULL
  FROM (SELECT site_id FROM mine EXCEPT SELECT site_id FROM fitting) idle
  WHERE d.site_id = idle.site_id
)
SELECT f.id, f.update_id, f.site_id, f.event_type, f.collection, f.item_id, f.slug, f.timestamp,
       f.metadata, coalesce(f.seq, numbered.seq) AS seq, f.merged, f.refusals,
       f.trace_context
FROM fitting f LEFT JOIN numbered USING (id)
ORDER BY f.site_id, 10
