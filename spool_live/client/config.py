"""The client's configuration: which site, which key, where the CMS is. The rest has defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from spool_live.client.cursor import CursorStore, FileCursor
from spool_live.client.exceptions import ConfigurationError
from spool_live.client.policy import Timing
from spool_live.client.updates import EVERYTHING, UpdateFilter, sequence_number

DEVELOPMENT_ATTEMPTS = 5
_VARIABLES = {"site_id": "SPOOL_SITE_ID", "api_key": "SPOOL_API_KEY", "api_url": "SPOOL_API_URL"}


@dataclass(frozen=True)
class LiveUpdatesConfig:
    """How to reach one site's updates. Immutable.

    Raises ``ConfigurationError`` for an option that is missing or malformed; the message names it.
    """

    site_id: str
    """The site's UUID. You get it with the API key; ``manage.py live_site list`` shows it."""
    api_key: str = field(repr=False)
    """The site's API key. It is left out of the ``repr``."""
    api_url: str
    """Where the CMS mounts ``spool_live.urls``: ``https://cms.example.org/spool-live/``."""
    start: int | None = None
    """The sequence number to begin after. ``None`` begins with the next new update."""
    filter: UpdateFilter = EVERYTHING
    """Which collections and event types to hand out. The default is all of them."""
    max_reconnect_attempts: int | Literal["development"] | None = None
    """After how many failed attempts to give up: ``None`` for never, or ``"development"`` for 5,
    so that a development server does not go on calling a CMS that is not running."""
    queue_size: int = 1000
    """How many updates may wait for a slow handler."""
    overflow: Literal["catch_up", "drop_oldest"] = "catch_up"
    """What to do when ``queue_size`` updates are waiting and more arrive. ``"catch_up"`` reads the
    rest from the log later, so that nothing is lost; ``"drop_oldest"`` drops the oldest updates and
    hands out a ``Reset``."""
    cursor: CursorStore | str | Path | None = field(default=None, compare=False)
    """Where to keep the position across restarts: the path of a file, or an object with ``load``
    and ``save``. A position found there takes precedence over ``start``."""
    shared: bool = True
    """Whether to share a connection with the other clients of this site in this process."""
    timing: Timing = field(default=Timing(), repr=False)
    """All intervals and timeouts."""

    def __post_init__(self) -> None:
        for name, variable in _VARIABLES.items():
            if not getattr(self, name):
                raise ConfigurationError(f"{name} is empty: pass {name}=, or set {variable}.")
        if not _is_uuid(str(self.site_id)):
            raise ConfigurationError(
                f"site_id {self.site_id!r} is not a UUID: set SPOOL_SITE_ID to the site's id, "
                'which came with the API key ("manage.py live_site list" on the CMS shows it).'
            )
        parts = urlsplit(self.api_url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ConfigurationError(
                f"api_url {self.api_url!r} is not an http(s) address: set SPOOL_API_URL to where "
                "spool_live.urls is mounted, e.g. https://cms.example.org/spool-live/."
            )
        if self.start is not None:
            try:
                sequence_number(self.start)
            except ValueError as error:
                raise ConfigurationError(f"start {error}: pass the seq of an update.") from error
        if self.queue_size < 1:
            raise ConfigurationError("queue_size must be at least 1.")
        if self.overflow not in {"catch_up", "drop_oldest"}:
            raise ConfigurationError('overflow must be "catch_up" or "drop_oldest".')
        object.__setattr__(self, "site_id", str(UUID(str(self.site_id))))
        object.__setattr__(self, "api_url", self.api_url.rstrip("/") + "/")

    @classmethod
    def from_env(
        cls, environ: Mapping[str, str] | None = None, **options: Any
    ) -> LiveUpdatesConfig:
        """Build it from ``SPOOL_SITE_ID``, ``SPOOL_API_KEY`` and ``SPOOL_API_URL``.

        ``environ`` is read instead of the process's environment where it is given. ``options`` are
        the attributes of this class; those that are not ``None`` take precedence. Raises
        ``ConfigurationError`` as the class does.
        """
        variables = os.environ if environ is None else environ
        values = {name: variables.get(variable, "") for name, variable in _VARIABLES.items()}
        return cls(**(values | {name: v for name, v in options.items() if v is not None}))

    @property
    def cursor_store(self) -> CursorStore | None:
        """``cursor`` as an object, or ``None``."""
        if isinstance(self.cursor, (str, Path)):
            return FileCursor(self.cursor, self.site_id)
        return self.cursor

    @property
    def attempt_limit(self) -> int | None:
        """``max_reconnect_attempts`` as a number; ``None`` for no limit."""
        if self.max_reconnect_attempts == "development":
            return DEVELOPMENT_ATTEMPTS
        return self.max_reconnect_attempts


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
