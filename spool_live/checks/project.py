"""Checks of the project: Django's own settings, and Celery."""

from __future__ import annotations

from collections.abc import Iterator

from celery import current_app
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004

from spool_live.access import sites_for_user
from spool_live.conf import LiveSettings
from spool_live.exceptions import SpoolLiveConfigurationError

CELERYS_OWN = "default"
"""The name of the app that Celery makes if the project has loaded none."""


def project_messages(settings: LiveSettings) -> Iterator[CheckMessage]:
    """Yield what is wrong with Django's settings and the Celery app."""
    if not django_settings.USE_TZ:
        yield Error(
            "USE_TZ is False: the timestamps of updates would be ambiguous.",
            hint="Set USE_TZ = True.",
            id="spool_live.E010",
        )
    try:
        sites_for_user()
    except SpoolLiveConfigurationError as error:
        yield Error(
            str(error),
            hint="Give a function that takes a user and returns the sites that the user may see in "
            "the admin, or None for all.",
            id="spool_live.E022",
        )
    if getattr(django_settings, "CELERY_DB_REUSE_MAX", None) is None and hasattr(
        django_settings, "CELERY_BROKER_URL"
    ):
        yield Warning(
            "Celery closes the database connection before and after every task.",
            hint="Set CELERY_DB_REUSE_MAX = 1000: it saves some milliseconds per delivery.",
            id="spool_live.W005",
        )
    if settings.nudge and current_app.main == CELERYS_OWN and not current_app.conf.broker_url:
        yield Warning(
            "No Celery app is loaded: nudges go to the wrong broker, and updates wait "
            "for the sweep.",
            hint="Import your app in the project's __init__.py (Celery's First steps with Django), "
            'or set SPOOL_LIVE["NUDGE"] to False if live_deliver --loop delivers.',
            id="spool_live.W013",
        )
