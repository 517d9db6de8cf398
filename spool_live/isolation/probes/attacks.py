"""Runs attacks: each as one API role, with the settings of one request, and rolled back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db import DatabaseError

from spool_live.isolation import rules
from spool_live.isolation.findings import Finding, Rule
from spool_live.isolation.probes.claims import ClaimsCase
from spool_live.isolation.sandbox import (
    CannotVerifyError,
    Sandbox,
    first_line,
    is_inconclusive,
    read_sql,
)

_BATCH = 250
_DENIED = "42501"
_LOCKED = "55P03"
_MAX_NAMED = 4
_VARIABLE = re.compile(r":'(\w+)'")


@dataclass(frozen=True, slots=True)
class Attack:
    """A statement that is tried as a role. If it starts with ``select``, it returns one JSON
    value."""

    role: str
    label: str
    statement: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def answers(self) -> bool:
        """Whether the statement returns a value, not only a number of rows."""
        return self.statement.startswith("select")


@dataclass(frozen=True, slots=True)
class AttackOutcome:
    """The outcome of an attack: the JSON value, the number of affected rows, or PostgreSQL's
    error."""

    answer: Any
    affected: int | None
    error_code: str | None
    error_text: str | None

    @property
    def failed(self) -> bool:
        """Whether PostgreSQL answered with an error."""
        return self.error_code is not None

    @property
    def denied(self) -> bool:
        """Whether a privilege was missing, or a policy refused a row."""
        return self.error_code == _DENIED

    @property
    def error(self) -> str:
        """The error and its code, for people."""
        return f"{self.error_text} ({self.error_code})"


class Attacker:
    """A runner of attacks in a sandbox, which counts them."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self.attacks = 0

    def prepare(self) -> list[Finding]:
        """Create the temporary functions that run attacks.

        Returns the findings about event triggers that prevent it. Raises
        ``django.db.DatabaseError`` if something else does.
        """
        try:
            with self._box.step():
                self._box.execute(read_sql("attack_functions"))
        except DatabaseError as error:
            triggers = [] if is_inconclusive(error) else self._box.rows("event_triggers")
            if not triggers:
                raise
            return [
                rules.EVENT_TRIGGER.broken(
                    row["name"],
                    f"{row['event']} runs {row['function']}: {first_line(error)}",
                    sql=f'alter event trigger "{row["name"]}" disable;',
                )
                for row in triggers
            ]
        return []

    def run(self, attacks: Iterable[Attack]) -> Iterator[tuple[Attack, AttackOutcome]]:
        """Yield each attack with its outcome, in order. ``_BATCH`` attacks make one round trip."""
        remaining = iter(attacks)
        while batch := tuple(islice(remaining, _BATCH)):
            texts: dict[str, int] = {}  # a long text is sent once, however many attacks use it
            settings = [
                {name: texts.setdefault(text, len(texts) + 1) for name, text in a.settings.items()}
                for a in batch
            ]
            parameters = {
                "roles": [attack.role for attack in batch],
                "settings": list(map(json.dumps, settings)),
                "texts": list(texts),
                "statements": [attack.statement for attack in batch],
                "answers": [attack.answers for attack in batch],
            }
            rows = self._box.rows("attack", parameters)
            self.attacks += len(batch)
            for attack, row in zip(batch, rows, strict=True):
                if row["error_code"] == _LOCKED:
                    raise CannotVerifyError(
                        f"{attack.label}: {row['error_text']}. Run verify_rls again."
                    )
                yield attack, AttackOutcome(json.loads(row.pop("answer") or "null"), **row)

    def poll(
        self, role: str, cases: Sequence[ClaimsCase], updates: Sequence[str]
    ) -> list[frozenset[str]]:
        """Return for each of ``cases`` the ids of ``updates`` that Realtime would deliver.

        The subscribers have the role ``role`` and the claims of ``cases``, and are checked one
        after the other in one session. Raises ``django.db.DatabaseError`` if the claims of one make
        a policy fail: Realtime would then deliver nothing to any of them.
        """
        claims = [case.text or "" for case in cases]
        parameters = {"role": role, "claims": claims, "targets": list(updates)}
        with self._box.step():
            rows = self._box.rows("poll", parameters)
        self.attacks += len(rows)
        return [frozenset(row["visible"]) for row in rows]

    def holders(self, roles: Iterable[str], relation: str, privilege: str) -> frozenset[str]:
        """Return those of ``roles`` that have ``privilege`` on ``relation`` or one of its
        columns."""
        parameters = {"roles": list(roles), "relation": relation, "privilege": privilege}
        return frozenset(row["role"] for row in self._box.rows("holders", parameters))


class Breaches:
    """The breaches of rules, collected so that many shapes of claims make one finding for a
    role."""

    def __init__(self) -> None:
        self._found: dict[tuple[Rule, str], list[str]] = {}

    def add(self, rule: Rule, subject: str, what: str) -> None:
        """Record that ``subject`` broke ``rule``; ``what`` describes how."""
        self._found.setdefault((rule, subject), []).append(what)

    def findings(self) -> Iterator[Finding]:
        """Yield one finding for each rule and subject. Its reason names the first ``_MAX_NAMED``
        breaches."""
        for (rule, subject), what in self._found.items():
            named, more = "; ".join(what[:_MAX_NAMED]), len(what) - _MAX_NAMED
            yield rule.broken(subject, f"{named}; and {more} more" if more > 0 else named)


def read_statements(name: str, values: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the pairs of label and statement in ``sql/<name>.sql``.

    There, each statement follows its ``-- label``, and has variables in psql's form (``:'name'``),
    which are replaced by ``values``. The values contain neither quotes nor backslashes.
    """
    blocks = re.split(r"^-- ", read_sql(name), flags=re.MULTILINE)[1:]
    labelled = (block.partition("\n") for block in blocks)
    return [
        (label, _VARIABLE.sub(lambda found: f"'{values[found[1]]}'", statement.strip()))
        for label, _, statement in labelled
    ]
