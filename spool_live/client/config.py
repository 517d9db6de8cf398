"""What a subscriber has to say: which site, which key, where the CMS is. The rest has defaults."""

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
    """How to reach one site's updates.

    `api_url` is where `spool_live.urls` is mounted, e.g. https://cms.example.org/spool-live/.
    `start`: begin after this sequence number; None means only what is new.
    `filter`: which collections and event types to see.
    `max_reconnect_attempts`: None for ever, a number, or "development" (5, as a development server
    should not hammer a CMS that is down).
    `queue_size` and `overflow`: what happens to updates that a slow handler has not taken yet. With
    "catch_up" the rest is left in the log and read from there later, so that nothing is lost; with
    "drop_oldest" the oldest go, and a `Reset` says so.
    `cursor`: a file (or an object with `load` and `save`) that keeps the position across restarts;
    what it has wins over `start`.
    `shared`: use one connection together with the other clients of this site in this process.

    Raises ConfigurationError for a missing or malformed option.
    """

    site_id: str
    api_key: str = field(repr=False)
    api_url: str
    start: int | None = None
    filter: UpdateFilter = EVERYTHING
    max_reconnect_attempts: int | Literal["development"] | None = None
    queue_size: int = 1000
    overflow: Literal["catch_up", "drop_oldest"] = "catch_up"
    cursor: CursorStore | str | Path | None = field(default=None, compare=False)
    shared: bool = True
    timing: Timing = field(default=Timing(), repr=False)

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
        """Read SPOOL_SITE_ID, SPOOL_API_KEY and SPOOL_API_URL; `options` that are not None win."""
        variables = os.environ if environ is None else environ
        values = {name: variables.get(variable, "") for name, variable in _VARIABLES.items()}
        return cls(**(values | {name: v for name, v in options.items() if v is not None}))

    @property
    def cursor_store(self) -> CursorStore | None:
        """`cursor` as an object."""
        if isinstance(self.cursor, (str, Path)):
            return FileCursor(self.cursor, self.site_id)
        return self.cursor

    @property
    def attempt_limit(self) -> int | None:
        """`max_reconnect_attempts` as a number, None for no limit."""
        if self.max_reconnect_attempts == "development":
            return DEVELOPMENT_ATTEMPTS
        return self.max_reconnect_attempts


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
