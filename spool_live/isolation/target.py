"""The database under verification: its API roles, its exposed schemas and the tables in it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from django.db import connections

from spool_live.conf import live_settings
from spool_live.isolation.sandbox import CannotVerifyError, Sandbox
from spool_live.supabase.provisioning import API_ROLES, closed_tables

OLDEST_SERVER = 15
SERVICE_ROLE = "service_role"
SUBSCRIBER_ROLE = "authenticated"
FEED = "public.live_updates"
MESSAGES = "realtime.messages"
SUPPORT_TABLES = ("spool_live.sites", "spool_live.api_keys")
_DEFAULT_EXPOSED = ("public", "graphql_public")
_DEFAULT_SEARCHED = ("public", "extensions")


@dataclass(frozen=True, slots=True)
class ApiRole:
    """A role that a token can name.

    ``through`` are the roles by which a token reaches it. ``attackable`` says whether the migrating
    role may become it. ``powers`` describe attributes that reach beyond tables, such as
    CREATEROLE. ``parameters`` are those of a superuser that it may set nevertheless. ``inherits``
    are roles whose rights it has, although a token cannot name them, and ``memberships`` the grants
    that give it those rights, each as "x from y" for a REVOKE.
    """

    name: str
    superuser: bool
    bypasses: bool
    attackable: bool
    can_log_in: bool
    through: tuple[str, ...]
    powers: tuple[str, ...] = ()
    makes_schemas: bool = False
    parameters: tuple[str, ...] = ()
    inherits: tuple[str, ...] = ()
    memberships: tuple[str, ...] = ()

    @property
    def unbounded(self) -> bool:
        """Whether Row Level Security does not apply to the role."""
        return self.superuser or self.bypasses

    @property
    def withdrawal(self) -> str:
        """SQL that revokes it from the roles it is reached by; empty for Supabase's own roles."""
        if self.name in API_ROLES or not self.through:
            return ""
        return f"revoke {self.name} from {', '.join(self.through)};"


@dataclass(frozen=True, slots=True)
class Target:
    """The database under verification, as it was before anything was tried.

    ``closed_tables`` are spool_live's tables that no API caller may touch, ``django_tables`` the
    names of all tables of the project. The API exposes ``schemas``; in ``searched`` PostgREST also
    looks for functions that take a row (computed fields).
    """

    alias: str
    database: str
    server_version: str
    version_number: int
    migrator: str
    sees_messages: bool
    has_messages: bool
    one_database: bool
    realtime_mode: str
    roles: tuple[ApiRole, ...]
    schemas: tuple[str, ...]
    searched: tuple[str, ...]
    closed_tables: tuple[str, ...]
    django_tables: frozenset[str]

    @property
    def attackers(self) -> tuple[str, ...]:
        """Names of the roles that may reach only what their claims allow.

        The service role is not among them: it may do everything by design. Neither are other roles
        that policies do not bind: that a token reaches such a role is a finding by itself.
        """
        return tuple(
            role.name
            for role in self.roles
            if role.name != SERVICE_ROLE and not (role.unbounded and role.name not in API_ROLES)
        )

    def role(self, name: str) -> ApiRole:
        """Return the API role named ``name``."""
        return next(role for role in self.roles if role.name == name)

    def for_attacks(self) -> Target:
        """Return a copy that has only the roles that the migrating role may become."""
        return replace(self, roles=tuple(role for role in self.roles if role.attackable))

    @property
    def private_tables(self) -> tuple[str, ...]:
        """spool_live's tables that no API role may touch at all."""
        return (*SUPPORT_TABLES, *self.closed_tables)


def inspect_target(box: Sandbox, *, exposed_schemas: Collection[str] = ()) -> Target:
    """Return the database that ``box`` is connected to.

    ``exposed_schemas`` takes precedence over what the database says. Raises ``CannotVerifyError``,
    with the remedy, if the database cannot be verified.
    """
    facts = box.row("target", {"api_roles": list(API_ROLES)})
    _refuse(box.alias, facts)
    one_database = not live_settings().has_separate_databases
    configured = box.row("exposed_schemas")
    return Target(
        alias=box.alias,
        database=facts["database"],
        server_version=facts["server_version"],
        version_number=facts["version_number"],
        migrator=facts["migrator"],
        sees_messages=facts["sees_messages"],
        has_messages=facts["has_messages"],
        one_database=one_database,
        realtime_mode=live_settings().realtime_mode,
        roles=_roles(box),
        schemas=tuple(exposed_schemas) or _split(configured["schemas"]) or _DEFAULT_EXPOSED,
        searched=_split(configured["searched"]) or _DEFAULT_SEARCHED,
        closed_tables=tuple(f"public.{name}" for name in closed_tables(one_database=one_database)),
        django_tables=frozenset(_django_tables(box.alias)),
    )


def _refuse(alias: str, facts: dict[str, Any]) -> None:
    if facts["version_number"] < OLDEST_SERVER * 10000:
        raise CannotVerifyError(
            f"The database {alias!r} is PostgreSQL {facts['server_version']}; verify_rls needs "
            f"{OLDEST_SERVER} or newer, as Supabase runs: upgrade the server."
        )
    if not facts["has_live_updates"]:
        raise CannotVerifyError(
            f"There is no table public.live_updates on {alias!r}: run manage.py migrate "
            f'--database {alias}, or point SPOOL_LIVE["SUPABASE_DATABASE"] (or --database) at the '
            "alias of the database that Supabase serves."
        )
    if facts["missing_roles"]:
        raise CannotVerifyError(
            f"These roles do not exist on {alias!r}: {', '.join(facts['missing_roles'])}. "
            'Point SPOOL_LIVE["SUPABASE_DATABASE"] (or --database) at the database that Supabase '
            "serves, then run manage.py live_setup."
        )
    if facts["closed_roles"]:
        raise CannotVerifyError(
            f"The role {facts['migrator']} may not become {', '.join(facts['closed_roles'])}, as "
            f"every attack must: grant {', '.join(API_ROLES)} to {facts['migrator']}, as on "
            "Supabase, or connect as a role that has them."
        )


def _roles(box: Sandbox) -> tuple[ApiRole, ...]:
    found = box.rows("roles", {"api_roles": list(API_ROLES)})
    return tuple(
        ApiRole(
            name=row["name"],
            superuser=row["superuser"],
            bypasses=row["bypasses"],
            attackable=row["attackable"],
            can_log_in=row["can_log_in"],
            through=tuple(row["through"]),
            powers=tuple(row["powers"]),
            makes_schemas=row["makes_schemas"],
            parameters=tuple(row["parameters"]),
            inherits=tuple(row["inherits"]),
            memberships=tuple(row["memberships"]),
        )
        for row in found
        if not row["login"] or row["superuser"]
    )


def _split(schemas: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (schemas or "").split(",") if name.strip())


def _django_tables(alias: str) -> list[str]:
    introspection = connections[alias].introspection
    return [*introspection.django_table_names(include_views=True), "django_migrations"]
