"""Keeps the newsroom's suite for the process that has its settings."""

from __future__ import annotations

import os

NEWSROOM_SETTINGS = "tests.demo.newsroom_settings"

collect_ignore = (
    [] if os.environ.get("DJANGO_SETTINGS_MODULE") == NEWSROOM_SETTINGS else ["newsroom"]
)
