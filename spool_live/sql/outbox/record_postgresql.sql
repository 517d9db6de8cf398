INSERT INTO live_updates_outbox
  (update_id, site_id, event_type, collection, item_id, slug, timestamp, metadata)
-- One parameter: a JSON array of rows, each an array in the order of the columns.
SELECT (r ->> 0)::uuid, (r ->> 1)::uuid, r ->> 2, r ->> 3, (r ->> 4)::uuid, r ->> 5,
       (r ->> 6)::timestamptz, (r ->> 7)::jsonb
FROM json_array_elements(%s::json) WITH ORDINALITY AS given (r, place)
ORDER BY place
