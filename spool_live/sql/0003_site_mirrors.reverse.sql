-- Back into one table. A site that delivery has never seen gets its state here.
INSERT INTO live_site_deliveries
  (site_id, last_seq, merged, history_floor, version, acknowledged_version, epoch,
   acknowledged_epoch, failures, last_error)
SELECT site_id, 0, 0, 0, version, 0, epoch, 0, 0, ''
FROM live_site_mirrors m
WHERE NOT EXISTS (SELECT 1 FROM live_site_deliveries d WHERE d.site_id = m.site_id);

UPDATE live_site_deliveries
SET version = (SELECT m.version FROM live_site_mirrors m
               WHERE m.site_id = live_site_deliveries.site_id),
    epoch = (SELECT m.epoch FROM live_site_mirrors m
             WHERE m.site_id = live_site_deliveries.site_id),
    deleted_at = coalesce(deleted_at, (SELECT m.deleted_at FROM live_site_mirrors m
                                       WHERE m.site_id = live_site_deliveries.site_id))
WHERE EXISTS (SELECT 1 FROM live_site_mirrors m WHERE m.site_id = live_site_deliveries.site_id);
