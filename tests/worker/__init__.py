"""A project for processes of their own: a Celery worker, and editors that come and go."""

from __future__ import annotations

PROJECT = "SPOOL_LIVE_TEST_PROJECT"
"""Environment variable: a JSON file with ``DATABASES``, ``SPOOL_LIVE`` and the broker's URL."""
