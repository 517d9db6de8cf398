-- A whole claim was delivered: its entries are done, and the sites given back, where the lease is
-- still ours. Answers the sites that were.
WITH held AS (
  UPDATE live_site_deliveries
  SET lease_token = NULL, leased_until = NULL, failures = 0, retry_at = NULL, last_error = ''
  WHERE lease_token = %(token)s
  RETURNING site_id
), done AS (
  UPDATE live_updates_outbox o
  SET state = 'delivered', settled_at = %(now)s, last_error = ''
  WHERE o.id = ANY (%(entries)s::bigint[]) AND o.state = 'pending'
    AND o.site_id = ANY (ARRAY(SELECT site_id FROM held))
)
SELECT site_id FROM held
