"""What the catalog has to contain, read from the SQL files that create it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

from spool_live import sql
from spool_live.isolation.sandbox import Sandbox
from spool_live.isolation.target import (
    FEED,
    MESSAGES,
    SERVICE_ROLE,
    SUBSCRIBER_ROLE,
    SUPPORT_TABLES,
    Target,
)
from spool_live.supabase.provisioning import API_ROLES

TRIGGER = "live_updates_broadcast"
NEEDED_GRANTS = (
    (SUBSCRIBER_ROLE, FEED, ("SELECT",)),
    (SERVICE_ROLE, FEED, ("SELECT", "INSERT", "DELETE")),
)
"""Role, table and rights that it needs: an API role must have no others on these tables."""

_CALLERS = {
    "spool_live.authorized_site_id": API_ROLES,
    "spool_live.authorized_topic": API_ROLES,
    "public.spool_live_mirror": (SERVICE_ROLE,),
    "public.spool_live_cleanup": (SERVICE_ROLE,),
}
_FUNCTION = re.compile(
    r"create (?:or replace )?function (?P<name>[\w.]+)\((?P<arguments>[^)]*)\)"
    r" returns (?P<returns>\w+)\s+"
    r"language (?P<language>\w+)(?P<attributes>[^$]*?) as \$\$(?P<body>.*?)\$\$",
    re.DOTALL,
)
_TRIGGER = re.compile(rf"create (?:or replace )?trigger {TRIGGER}\b.*?(?=;)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ExpectedFunction:
    """One function of spool_live. ``body`` is the text between the dollar quotes, ``definition``
    the whole statement, ``source`` its file in ``spool_live/sql``."""

    name: str
    argument_names: tuple[str, ...]
    argument_types: str
    returns: str
    language: str
    volatility: str
    security_definer: bool
    body: str
    definition: str
    source: str

    @property
    def signature(self) -> str:
        """Its name with argument types, such as ``public.f(jsonb, integer)``."""
        return f"{self.name}({self.argument_types})"

    @property
    def callers(self) -> tuple[str, ...]:
        """The API roles that have to be able to execute it, and no others."""
        return _CALLERS.get(self.name, ())


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as PostgreSQL deparses it; ``command`` is the value of ``pg_policy.polcmd``."""

    name: str
    table: str
    permissive: bool
    command: str
    roles: tuple[str, ...]
    using: str | None
    check: str | None


@cache
def expected_functions() -> dict[str, ExpectedFunction]:
    """Return spool_live's functions by name; the newest of several definitions counts."""
    found: dict[str, ExpectedFunction] = {}
    for source, text in _migration_texts():
        for match in _FUNCTION.finditer(text):
            attributes = match["attributes"].split()
            found[match["name"]] = ExpectedFunction(
                name=match["name"],
                argument_names=tuple(name for name, _ in _arguments(match["arguments"])),
                argument_types=", ".join(kind for _, kind in _arguments(match["arguments"])),
                returns=match["returns"],
                language=match["language"],
                volatility=next(
                    (word for word in attributes if word in ("stable", "immutable")), "volatile"
                ),
                security_definer="definer" in attributes,
                body=match["body"],
                definition=match[0],
                source=source,
            )
    return found


@cache
def expected_trigger() -> str:
    """Return the statement that makes the broadcast trigger."""
    *_, newest = (match[0] for _, text in _migration_texts() for match in _TRIGGER.finditer(text))
    return newest


def expected_policies(box: Sandbox, target: Target) -> list[Policy]:
    """Return spool_live's policies as this server deparses them.

    They are created on temporary tables of the same form, from the files that provisioning runs,
    and rolled back.
    """
    with box.rolled_back():
        models = {"pg_temp.live_updates": FEED, "pg_temp.closed": "public.sites"}
        models |= {f"pg_temp.{name.replace('.', '_')}": name for name in SUPPORT_TABLES}
        ours = sql.read_sql("environment/policies")
        for model, original in models.items():
            ours = ours.replace(f"on {original}", f"on {model}")
        scripts = [ours]
        closed = sql.read_sql("environment/closed_table").replace("{table}", "pg_temp.closed")
        scripts.append(closed)
        if target.has_messages:
            models["pg_temp.messages"] = MESSAGES
            topic_policy = sql.read_sql("environment/realtime_policy")
            scripts.append(topic_policy.replace(MESSAGES, "pg_temp.messages"))
        for model, original in models.items():
            box.execute(f"create table {model} (like {original})")
        for script in scripts:
            box.execute(script)
        found = actual_policies(box, list(models))
    return [
        replace(policy, table=table)
        for policy in found
        for table in _tables_of(models[policy.table], target)
    ]


def actual_policies(box: Sandbox, tables: list[str]) -> list[Policy]:
    """Return the policies on ``tables``, whoever made them."""
    return [
        Policy(**{**row, "roles": tuple(row["roles"])})
        for row in box.rows("policies", {"tables": tables})
    ]


def _tables_of(original: str, target: Target) -> tuple[str, ...]:
    return target.closed_tables if original == "public.sites" else (original,)


def _migration_texts() -> Iterator[tuple[str, str]]:
    files = (file for file in resources.files(sql).iterdir() if file.name.endswith(".sql"))
    for file in sorted(files, key=lambda file: file.name):
        if not file.name.endswith(".reverse.sql"):
            yield file.name, file.read_text("utf-8")


def _arguments(arguments: str) -> Iterator[tuple[str, str]]:
    for argument in filter(None, (part.strip() for part in arguments.split(","))):
        name, kind = argument.split(maxsplit=1)
        yield name, kind
