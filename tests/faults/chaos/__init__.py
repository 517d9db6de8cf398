"""The chaos run: editors, workers and subscribers as processes, over parts that break all the time.

``python -m benchmarks.chaos`` runs it; ``tests/faults/test_chaos.py`` is its short form.
"""

from __future__ import annotations

STAGE = "SPOOL_LIVE_CHAOS_STAGE"
"""Environment variable: the JSON file that tells each process where the others are."""
ROLE = "SPOOL_LIVE_CHAOS_ROLE"
"""Environment variable: what a process is, as PostgreSQL shows it (``application_name``)."""
SUPABASE = "SPOOL_LIVE_CHAOS_SUPABASE"
"""Environment variable: where this process finds Supabase; the workers find it behind the proxy."""
BATCH_SIZE = "SPOOL_LIVE_CHAOS_BATCH_SIZE"
"""Environment variable: ``DELIVERY_BATCH_SIZE`` of a worker's release."""
