-- Whether there is anything to deliver or to mirror at all. Each part reads the first entry of an
-- index; the order keeps the planner from reading the whole table for it.
SELECT EXISTS (SELECT FROM (SELECT site_id FROM live_updates_outbox
                            WHERE state = 'pending' ORDER BY site_id LIMIT 1) entry)
    OR EXISTS (SELECT FROM (SELECT site_id FROM live_site_mirrors
                            WHERE pending > 0 ORDER BY pending DESC LIMIT 1) changed)
    OR EXISTS (SELECT FROM (SELECT site_id FROM live_site_deliveries
                            WHERE mirror_run IS NOT NULL ORDER BY site_id LIMIT 1) asked)
