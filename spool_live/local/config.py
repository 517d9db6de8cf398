"""What a local Supabase is made of: addresses, secrets and switches, in one frozen value."""

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
"""``iss`` of the JWTs that are API keys (the legacy kind): a user's token never has it."""

_TEN_YEARS = 10 * 365 * 24 * 3600


@dataclass(frozen=True)
class Penalties:
    """Delays, in seconds, that the hosted service puts in front of refusals.

    The defaults are short so that a developer is not kept waiting; tests that replay recordings ask
    for the real ones (2 s before a refused handshake, 5 s before a join error).
    """

    handshake_refused: float = 0.0
    join_refused: float = 0.0
    claims_swap: float = 0.0
    """Delay between an ``access_token`` push and the moment its claims decide (really 1 to 3 s)."""


@dataclass(frozen=True)
class Pace:
    """Where the hosted service is slow by its nature, in seconds; tests ask for ``AT_ONCE``."""

    changes_interval: float = 0.1
    """How often ``postgres_changes`` are polled for; up to five times as long while nothing comes.
    0 delivers at once, which is ten times as fast as the real server."""
    cold_start: float = 3.0
    """How long after the very first connection to a project there are partitions for broadcasts;
    until then private joins are refused (``MissingPartition``) and broadcasts are lost. 0 makes
    them with the database."""
    database_retry: float = 1.0
    """How long REST refuses everything after it could not reach the database, doubled each time up
    to 32 seconds: it goes on refusing for a while when the database is back. 0 always tries."""


AT_ONCE = Pace(changes_interval=0.0, cold_start=0.0, database_retry=0.0)


@dataclass(frozen=True)
class Limits:
    """What a project on the hosted service may use of Realtime; None, the default, means no limit.

    Rates are averages over up to a minute, as there; ``judged_every`` so many seconds (really 5)
    the server looks whether one was exceeded.
    """

    connections: int | None = None
    """Sockets at a time; one more is refused with HTTP 429."""
    joins_per_second: float | None = None
    """Above it, joins fail, their sockets are closed and new ones refused with HTTP 429."""
    messages_per_second: float | None = None
    """Broadcasts, each counted once and once per receiver, and, by themselves, rows of
    ``postgres_changes`` per subscriber. Above it, what the database sends is lost silently; a
    broadcast of a client closes the channels that it reaches."""
    judged_every: float = 5.0


@dataclass(frozen=True)
class LocalSupabaseConfig:
    """Everything the database, the REST half and the realtime half must agree on.

    Keys are generated once by ``generate`` and kept in the state folder by its owner; none of
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
    """Today's way to sign tokens: a private ES256 key as JWK. Empty where the project has none."""
    publishable_key: str = field(repr=False, default="")
    secret_key: str = field(repr=False, default="")
    database_password: str = field(repr=False, default="")
    """One password for ``supabase_admin`` (superuser), ``postgres`` (migrates) and
    ``authenticator`` (what the API logs in as)."""
    penalties: Penalties = Penalties()
    limits: Limits = Limits()
    pace: Pace = Pace()
    has_slot: bool = True
    """False is a server that was refused its replication slot: it says that changes flow, and
    delivers nothing that the database sends, without a word."""
    sleeps_after_restart: bool = False
    """Whether joined channels stay dead after a restart of PostgreSQL until somebody joins or
    refreshes a token, as on the hosted service (see ``spool_live.local.realtime.dormancy``)."""
    exposed_schemas: tuple[str, ...] = ("public",)
    """Schemas that ``/rest/v1`` serves; the first is the default."""
    max_rows: int = 1000
    """Most rows one ``/rest/v1`` answer holds, as a project's default on the hosted service."""

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
        """What tokens are verified with."""
        return TokenKeys(self.jwt_secret, self.signing_key)

    def like_hosted(self, limits: Limits) -> LocalSupabaseConfig:
        """Return the configuration with these limits, the delays of the hosted service, and its
        channels that stay dead after a restart of PostgreSQL."""
        penalties = Penalties(handshake_refused=2.0, join_refused=5.0, claims_swap=2.0)
        return replace(self, limits=limits, penalties=penalties, sleeps_after_restart=True)

    @property
    def url(self) -> str:
        """Base URL, as ``SUPABASE_URL``."""
        return f"http://{self.host}:{self.port}"

    def conninfo(self, role: str) -> str:
        """libpq URI of the database as ``role``. Holds the password: do not log it."""
        return (
            f"postgresql://{role}:{self.database_password}"
            f"@{self.host}:{self.database_port}/{self.database_name}"
        )

    def api_key_jwt(self, role: Literal["anon", "service_role"]) -> str:
        """Return the legacy API key of ``role``: an HS256 JWT signed with ``jwt_secret``."""
        now = int(time.time())
        claims = {"iss": API_KEY_ISSUER, "role": role, "iat": now, "exp": now + _TEN_YEARS}
        return jwt.encode(claims, self.jwt_secret, algorithm="HS256")
