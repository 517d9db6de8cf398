-- What editors' transactions write of a site moves to a table of its own. A tombstone that the
-- Supabase database has not acknowledged yet is to be sent; delivery does not know of it.
INSERT INTO live_site_mirrors (site_id, version, epoch, deleted_at, pending)
SELECT site_id, version, epoch, deleted_at,
       CASE WHEN version <= acknowledged_version THEN 0
            WHEN epoch > acknowledged_epoch THEN 2
            ELSE 1 END
FROM live_site_deliveries;

UPDATE live_site_deliveries SET deleted_at = NULL WHERE version > acknowledged_version;
