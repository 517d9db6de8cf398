"""What is verified: the database, the roles to attack as, and what belongs to whom there."""

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
    """A role that a token can name. ``through`` are the roles that it is reached through;
    ``attackable`` says whether the migrating role may become it; ``powers`` are attributes that
    reach beyond the database's tables, for people; ``parameters`` those that it may set though
    they are a superuser's; ``inherits`` roles whose rights it has without a token being able to
    name them, through ``memberships`` ("x from y")."""

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
        """Whether Row Level Security is nothing to it."""
        return self.superuser or self.bypasses

    @property
    def withdrawal(self) -> str:
        """SQL that takes it from those it is reached through; none for Supabase's own three."""
        if self.name in API_ROLES or not self.through:
            return ""
        return f"revoke {self.name} from {', '.join(self.through)};"


@dataclass(frozen=True, slots=True)
class Target:
    """The database under verification, as seen before anything was tried.

    ``attackers`` are all roles of the API but the service role, which may do everything by design;
    ``closed_tables`` those of ours that nobody may touch through the API; ``django_tables`` the
    names of all tables of the project. ``schemas`` are exposed; in ``searched`` PostgREST looks for
    functions of rows as well.
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
        """Names of the roles that must not get at anything but what their claims allow.

        A role that policies do not bind is of no use to attack as: that it can be reached is the
        hole.
        """
        return tuple(
            role.name
            for role in self.roles
            if role.name != SERVICE_ROLE and not (role.unbounded and role.name not in API_ROLES)
        )

    def role(self, name: str) -> ApiRole:
        """Return the role of the API with this name."""
        return next(role for role in self.roles if role.name == name)

    def for_attacks(self) -> Target:
        """Return the target with only those roles that can be attacked as."""
        return replace(self, roles=tuple(role for role in self.roles if role.attackable))

    @property
    def private_tables(self) -> tuple[str, ...]:
        """Tables of ours that no API role may touch at all."""
        return (*SUPPORT_TABLES, *self.closed_tables)


def inspect_target(box: Sandbox, *, exposed_schemas: Collection[str] = ()) -> Target:
    """Look at what ``box`` is connected to. Raises ``CannotVerifyError`` with the remedy."""
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
            f"{alias!r} is PostgreSQL {facts['server_version']}; verify_rls needs "
            f"{OLDEST_SERVER} or newer, as Supabase runs."
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
            f"every attack does: grant {', '.join(API_ROLES)} to {facts['migrator']}, as on "
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
