"""The answer of ``POST token/``: the token, and where and how to subscribe with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from spool_live.client.exceptions import IncompatibleServerError
from spool_live.client.updates import sequence_number

_ONE_DAY = 86_400


@dataclass(frozen=True, slots=True)
class BroadcastChannel:
    """A Realtime topic on which the database sends whole batches."""

    topic: str
    private: bool
    event: str


@dataclass(frozen=True, slots=True)
class ChangesChannel:
    """A Realtime topic bound to inserts into the table."""

    topic: str
    schema: str
    table: str
    event: Literal["INSERT", "UPDATE", "DELETE", "*"]
    filter: str | None


Channel = BroadcastChannel | ChangesChannel


@dataclass(frozen=True, slots=True)
class RealtimeToken:
    """What ``POST token/`` answered. Times are in seconds; ``received_at`` is on the monotonic
    clock.

    The token expires ``lifetime`` (``expires_in``) after ``received_at``, so that client and
    server need not agree on the time of day.
    """

    jwt: str = field(repr=False)
    site_id: str
    epoch: int
    seq: int
    supabase_url: str
    supabase_key: str = field(repr=False)
    channel: Channel
    lifetime: float
    received_at: float

    @classmethod
    def from_response(cls, data: Any, received_at: float) -> RealtimeToken:
        """Read the JSON of ``POST token/``.

        Raises ``IncompatibleServerError`` if a field is missing or malformed.
        """
        try:
            return cls(
                jwt=_text(data["token"]),
                site_id=_text(data["site_id"]).lower(),
                epoch=sequence_number(data["epoch"]),
                seq=sequence_number(data["seq"]),
                supabase_url=_text(data["supabase_url"]).rstrip("/"),
                supabase_key=_text(data["supabase_key"]),
                channel=_channel(data["realtime"]),
                lifetime=_lifetime(data["expires_in"]),
                received_at=received_at,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise IncompatibleServerError(
                f"The answer of token/ is not what this client knows ({error!r}): check "
                "SPOOL_API_URL, or install the spool-live version that the CMS runs."
            ) from error

    def expired(self, now: float) -> bool:
        """Return whether the token has expired at this time of the monotonic clock."""
        return now >= self.received_at + self.lifetime

    def same_channel(self, other: RealtimeToken) -> bool:
        """Return whether a socket that was joined with ``other`` serves for this token, too."""
        return (self.supabase_url, self.supabase_key, self.channel) == (
            other.supabase_url,
            other.supabase_key,
            other.channel,
        )


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{value!r} is not a string")
    return value


def _lifetime(value: object) -> float:
    """Return a token's lifetime in seconds. It cannot be longer than a day."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _ONE_DAY:
        raise ValueError(f"{value!r} is not the lifetime of a token")
    return float(value)


def _channel(realtime: Mapping[str, Any]) -> Channel:
    mode = realtime["mode"]
    if mode not in {"broadcast", "postgres_changes"}:
        raise ValueError(f"unknown realtime mode {mode!r}")
    options = realtime[mode]
    if mode == "broadcast":
        return BroadcastChannel(
            _text(options["topic"]), options["private"] is not False, _text(options["event"])
        )
    return ChangesChannel(
        topic=_text(options["topic"]),
        schema=_text(options["schema"]),
        table=_text(options["table"]),
        event=options["event"],
        filter=options.get("filter"),
    )
