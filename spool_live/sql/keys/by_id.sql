-- The same, for the key that a token names.
SELECT k.*, d.last_seq, d.acknowledged_version, d.acknowledged_epoch
FROM site_api_keys AS k
LEFT JOIN live_site_deliveries AS d ON d.site_id = k.site_id
WHERE k.id = %(key)s AND k.site_id = %(site)s
