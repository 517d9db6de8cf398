INSERT INTO live_counters (name, labels, value) VALUES {values}
ON CONFLICT (name, labels) DO UPDATE SET value = live_counters.value + excluded.value
