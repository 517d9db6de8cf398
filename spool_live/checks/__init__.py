"""System checks: every misconfiguration has a number and a remedy."""

from __future__ import annotations

from spool_live.checks.collections import (
    check_cache_tags,
    check_collections,
    check_silent_changes,
    check_triggers,
)
from spool_live.checks.databases import check_exposure, check_provisioning, check_site
from spool_live.checks.scheduling import check_clocks, check_moments_are_indexed
from spool_live.checks.settings import check_settings
from spool_live.checks.throttle import check_throttle_cache

__all__ = [
    "check_cache_tags",
    "check_clocks",
    "check_collections",
    "check_exposure",
    "check_moments_are_indexed",
    "check_provisioning",
    "check_settings",
    "check_silent_changes",
    "check_site",
    "check_throttle_cache",
    "check_triggers",
]
