"""Settings that only the type checker loads, so that it knows the models of every test.

The demo and the benchmarks each have an app named ``newsroom``, and the test apps declare the same
collections: no project could run with these settings. Nothing is started here. The settings that
tests read are declared with their types.
"""

from __future__ import annotations

from pathlib import Path

from django.apps import AppConfig

from demo_project.settings import *  # noqa: F403 - the settings of the demo, and more
from demo_project.settings import INSTALLED_APPS as _APPS
from spool_live.local.config import LocalSupabaseConfig

CONTENT: str
INSTALLED_PEERS: list[str]
LOCAL_SUPABASE: LocalSupabaseConfig
STATE_DIR: Path
VERSIONING: bool


class SpoolLiveModels(AppConfig):
    """The models of spool_live without the collections of the installed apps."""

    name = "spool_live"
    default_auto_field = "django.db.models.BigAutoField"


class BenchmarkModels(AppConfig):
    """The models of the benchmarks under a label of their own."""

    name = "benchmarks.newsroom"
    label = "benchmarks_newsroom"


INSTALLED_APPS = [
    *(app for app in _APPS if app != "spool_live"),
    "tests.settings_for_types.SpoolLiveModels",
    "tests.testapp",
    "tests.settings_for_types.BenchmarkModels",
]
