"""The configuration of a local Supabase: addresses, secrets and switches."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import jwt

from spool_live.local.token_keys import TokenKeys, generate_signing_key

PrivilegeWorld = Literal["grant-all", "grant-none"]
"""Supabase's default privileges on new ``public`` tables: projects created before 2026-05-30 grant
everything to the API roles (``grant-all``), newer ones nothing (``grant-none``)."""

API_KEY_ISSUER = "supabase-local"
"""The ``iss`` claim of JWTs that are (legacy) API keys; a user's token never has it."""

_TEN_YEARS = 10 * 365 * 24 * 3600


@dataclass(frozen=True)
class Penalties:
    """Delays, in seconds, before the hosted service refuses something.

    The defaults are 0, so that developers do not wait; tests that replay recordings set the real
    ones (2 s before a refused handshake, 5 s before a join error).
    """

    handshake_refused: float = 0.0
    join_refused: float = 0.0
    claims_swap: float = 0.0
    """Delay between an ``access_token`` push and the moment from which its claims decide; on the
    hosted service 1 to 3 s."""


@dataclass(frozen=True)
class Pace:
    """Delays, in seconds, that the hosted service always has. ``AT_ONCE``, for tests, has none."""

    changes_interval: float = 0.1
    """Time between two polls for ``postgres_changes``; up to five times as long while there are
    none. 0 delivers at once, which is ten times as fast as the real server."""
    cold_start: float = 3.0
    """How long after the very first connection to a project the partitions for broadcasts are
    created; until then private joins are refused (``MissingPartition``) and broadcasts are lost. 0
    creates them together with the database."""
    database_retry: float = 1.0
    """How long REST refuses every request after it could not reach the database, doubled each time
    up to 32 seconds: so it still refuses for a while when the database is back. 0 always tries."""


AT_ONCE = Pace(changes_interval=0.0, cold_start=0.0, database_retry=0.0)


@dataclass(frozen=True)
class Limits:
    """What a project on the hosted service may use of Realtime; None, the default, means no limit.

    Rates are averages over up to a minute, as on the hosted service.
    """

    connections: int | None = None
    """Sockets at the same time; another one is refused with HTTP 429."""
    joins_per_second: float | None = None
    """Above it, joins fail, their sockets are closed and new ones refused with HTTP 429."""
    messages_per_second: float | None = None
    """Broadcasts, each counted once and once per receiver, and, by themselves, rows of
    ``postgres_changes`` per subscriber. Above it, what the database sends is lost silently; a
    broadcast of a client closes the channels that it reaches."""
    judged_every: float = 5.0
    """Seconds between two checks whether a rate was exceeded; on the hosted service 5."""


@dataclass(frozen=True)
class LocalSupabaseConfig:
    """Everything that the database, the REST half and the realtime half must agree on.

    Keys are generated once by ``generate``, and ``state`` keeps them in the state folder; none of
    them appears in ``repr``.
    """

    state_dir: Path
    host: str = "127.0.0.1"
    port: int = 54321
    database_port: int = 54322
    database_name: str = "postgres"
    privilege_world: PrivilegeWorld = "grant-none"
    jwt_secret: str = field(repr=False, default="")
    signing_key: str = field(repr=False, default="")
    """The private ES256 key, as JWK, that newer projects sign tokens with. Empty for none."""
    publishable_key: str = field(repr=False, default="")
    secret_key: str = field(repr=False, default="")
    database_password: str = field(repr=False, default="")
    """One password for ``supabase_admin`` (superuser), ``postgres`` (migrates) and
    ``authenticator`` (what the API logs in as)."""
    penalties: Penalties = Penalties()
    limits: Limits = Limits()
    pace: Pace = Pace()
    has_slot: bool = True
    """Whether the server has its replication slot. Without one, as on a server that was refused it,
    it reports subscriptions as ready and silently delivers nothing from the database."""
    sleeps_after_restart: bool = False
    """Whether joined channels stay dead after a restart of PostgreSQL until any client joins or
    refreshes its token, as on the hosted service (see ``spool_live.local.realtime.dormancy``)."""
    exposed_schemas: tuple[str, ...] = ("public",)
    """Schemas that ``/rest/v1`` serves; the first is the default."""
    max_rows: int = 1000
    """Maximum number of rows in one ``/rest/v1`` answer; the default is the hosted service's."""

    @classmethod
    def generate(
        cls,
        state_dir: Path,
        *,
        port: int = 54321,
        database_port: int = 54322,
        privilege_world: PrivilegeWorld = "grant-none",
        penalties: Penalties | None = None,
        pace: Pace | None = None,
    ) -> LocalSupabaseConfig:
        """Return a configuration with fresh random secrets for ``state_dir``."""
        return cls(
            state_dir=state_dir,
            port=port,
            database_port=database_port,
            privilege_world=privilege_world,
            jwt_secret=secrets.token_urlsafe(48),
            signing_key=generate_signing_key(),
            publishable_key=f"sb_publishable_{secrets.token_urlsafe(16)}_local000",
            secret_key=f"sb_secret_{secrets.token_urlsafe(16)}_local000",
            database_password=secrets.token_urlsafe(24),
            penalties=penalties or Penalties(),
            pace=pace or Pace(),
        )

    @property
    def token_keys(self) -> TokenKeys:
        """The keys that tokens are verified with."""
        return TokenKeys(self.jwt_secret, self.signing_key)

    def like_hosted(self, limits: Limits) -> LocalSupabaseConfig:
        """Return the configuration with these limits, and with the hosted service's delays and its
        channels that stay dead after a restart of PostgreSQL."""
        penalties = Penalties(handshake_refused=2.0, join_refused=5.0, claims_swap=2.0)
        return replace(self, limits=limits, penalties=penalties, sleeps_after_restart=True)

    @property
    def url(self) -> str:
        """The base URL, for ``SUPABASE_URL``."""
        return f"http://{self.host}:{self.port}"

    def conninfo(self, role: str) -> str:
        """Return the libpq URI of the database for ``role``. It has the password: do not log it."""
        return (
            f"postgresql://{role}:{self.database_password}"
            f"@{self.host}:{self.database_port}/{self.database_name}"
        )

    def api_key_jwt(self, role: Literal["anon", "service_role"]) -> str:
        """Return the legacy API key of ``role``: an HS256 JWT signed with ``jwt_secret``."""
        now = int(time.time())
        claims = {"iss": API_KEY_ISSUER, "role": role, "iat": now, "exp": now + _TEN_YEARS}
        return jwt.encode(claims, self.jwt_secret, algorithm="HS256")
