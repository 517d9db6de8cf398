-- Leaves out plain updates that still wait for the next ones of their item.
AND NOT EXISTS (
  SELECT FROM unnest(%(held)s::text[], %(windows)s::interval[]) AS w (collection, wait)
  WHERE o.collection = w.collection AND o.event_type = 'content.updated'
    AND o.seq IS NULL AND o.merged = 0
    AND o.timestamp > %(now)s - w.wait AND o.timestamp <= %(now)s)
