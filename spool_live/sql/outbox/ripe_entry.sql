-- Leaves out sites all of whose updates still wait for the next ones of their item.
AND EXISTS (
  SELECT FROM live_updates_outbox o
  WHERE o.state = 'pending' AND o.site_id = w.site_id
  {held})
