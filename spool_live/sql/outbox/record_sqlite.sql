INSERT INTO live_updates_outbox
  (update_id, site_id, event_type, collection, item_id, slug, timestamp, metadata,
   trace_context)
-- One parameter: a JSON array of rows, each an array in the order of the columns.
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
       json_extract(value, '$[6]'), json_extract(value, '$[7]'), json_extract(value, '$[8]')
FROM json_each(%(rows)s)
ORDER BY key
