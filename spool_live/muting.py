"""Muting: in a process that runs a project's tests, no nudge is sent and no thread is started."""

from __future__ import annotations

import sys

from spool_live.conf import live_settings


def is_muted() -> bool:
    """Return whether this process runs tests and ``NUDGE_IN_TESTS`` is off.

    It runs tests if ``setup_test_environment`` was called, as Django's test runner and
    pytest-django do. Nothing else is taken as a sign.
    """
    test_utils = sys.modules.get("django.test.utils")
    state = getattr(test_utils, "_TestState", None)
    return hasattr(state, "saved_data") and not live_settings().nudge_in_tests
