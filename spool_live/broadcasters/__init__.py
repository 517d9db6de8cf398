"""Broadcasters write updates where subscribers get them. The setting ``BROADCASTER`` names one."""

from __future__ import annotations

from django.utils.module_loading import import_string

from spool_live.broadcasters.base import Broadcaster, CleanupAnswer, MirrorAnswer
from spool_live.conf import live_settings
from spool_live.exceptions import SpoolLiveConfigurationError

__all__ = ["Broadcaster", "CleanupAnswer", "MirrorAnswer", "get_broadcaster"]


def get_broadcaster() -> Broadcaster:
    """Return a broadcaster of the configured class; it shares its connections within the process.

    Raises ``SpoolLiveConfigurationError`` if the setting does not name a broadcaster.
    """
    path = live_settings().broadcaster
    try:
        broadcaster = import_string(path)()
    except ImportError as error:
        raise SpoolLiveConfigurationError(
            f'SPOOL_LIVE["BROADCASTER"] = {path!r} cannot be imported ({error}): '
            "name a class by its dotted path."
        ) from error
    if not isinstance(broadcaster, Broadcaster):
        raise SpoolLiveConfigurationError(
            f'SPOOL_LIVE["BROADCASTER"] = {path!r} is not a subclass of Broadcaster: name '
            "a class that derives from spool_live.broadcasters.Broadcaster."
        )
    return broadcaster
