INSERT INTO live_counters (name, labels, value) VALUES {values}
ON DUPLICATE KEY UPDATE value = value + VALUES(value)
