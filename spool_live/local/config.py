"""What a local Supabase is made of: addresses, secrets and switches, in one frozen value."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import jwt

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
class LocalSupabaseConfig:
    """Everything the database, the REST half and the realtime half must agree on.

    Keys are generated once by :meth:`generate` and kept in the state folder by its owner; none of
    them appears in ``repr``.
    """

    state_dir: Path
    host: str = "127.0.0.1"
    port: int = 54321
    database_port: int = 54322
    database_name: str = "postgres"
    privilege_world: PrivilegeWorld = "grant-none"
    jwt_secret: str = field(repr=False, default="")
    publishable_key: str = field(repr=False, default="")
    secret_key: str = field(repr=False, default="")
    database_password: str = field(repr=False, default="")
    """One password for ``supabase_admin`` (superuser), ``postgres`` (migrates) and
    ``authenticator`` (what the API logs in as)."""
    penalties: Penalties = Penalties()
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
    ) -> LocalSupabaseConfig:
        """A configuration with fresh random secrets for ``state_dir``."""
        return cls(
            state_dir=state_dir,
            port=port,
            database_port=database_port,
            privilege_world=privilege_world,
            jwt_secret=secrets.token_urlsafe(48),
            publishable_key=f"sb_publishable_{secrets.token_urlsafe(16)}_local000",
            secret_key=f"sb_secret_{secrets.token_urlsafe(16)}_local000",
            database_password=secrets.token_urlsafe(24),
            penalties=penalties or Penalties(),
        )

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
        """The legacy API key of ``role``: an HS256 JWT signed with :attr:`jwt_secret`."""
        now = int(time.time())
        claims = {"iss": API_KEY_ISSUER, "role": role, "iat": now, "exp": now + _TEN_YEARS}
        return jwt.encode(claims, self.jwt_secret, algorithm="HS256")
