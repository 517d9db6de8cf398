-- An API key with what its tokens need to know of its site's delivery: one indexed read.
SELECT k.*, d.last_seq, d.acknowledged_version, d.acknowledged_epoch
FROM site_api_keys AS k
LEFT JOIN live_site_deliveries AS d ON d.site_id = k.site_id
WHERE k.prefix = %(prefix)s
