-- A whole claim was delivered: its entries are done, and the sites given back, where the lease is
-- still ours. Answers the sites that were.
WITH held AS (
  -- In a fixed order: two of delivery's transactions never deadlock.
  SELECT site_id
  FROM live_site_deliveries
  WHERE site_id = ANY (%(sites)s::uuid[]) AND lease_token = %(token)s
  ORDER BY site_id
  FOR UPDATE
), given_back AS (
  UPDATE live_site_deliveries d
  SET lease_token = NULL, leased_until = NULL, failures = 0, retry_at = NULL, last_error = ''
  FROM held
  WHERE d.site_id = held.site_id
  RETURNING d.site_id
), done AS (
  UPDATE live_updates_outbox o
  SET state = 'delivered', settled_at = %(now)s, last_error = ''
  WHERE o.id = ANY (%(entries)s::bigint[]) AND o.state = 'pending'
    AND o.site_id = ANY (ARRAY(SELECT site_id FROM given_back))
)
SELECT site_id FROM given_back
