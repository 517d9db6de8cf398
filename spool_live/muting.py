"""Muting: in a process that runs a project's tests nothing is sent by itself."""

from __future__ import annotations

import sys

from spool_live.conf import live_settings


def is_muted() -> bool:
    """Return whether ``setup_test_environment`` was called, as Django's test runner and
    pytest-django do, and ``NUDGE_IN_TESTS`` is off. Nothing else is guessed from."""
    test_utils = sys.modules.get("django.test.utils")
    state = getattr(test_utils, "_TestState", None)
    return hasattr(state, "saved_data") and not live_settings().nudge_in_tests
