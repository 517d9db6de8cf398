"""Running attacks: each as one API role, with the settings of one request, and taken back."""

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
    is_no_answer,
    read_sql,
)

_BATCH = 250
_DENIED = "42501"
_LOCKED = "55P03"
_MAX_NAMED = 4
_VARIABLE = re.compile(r":'(\w+)'")


@dataclass(frozen=True, slots=True)
class Attack:
    """A statement as a role; one that starts with ``select`` answers one JSON value."""

    role: str
    label: str
    statement: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def answers(self) -> bool:
        """Whether there is a value to read, not only a number of rows."""
        return self.statement.startswith("select")


@dataclass(frozen=True, slots=True)
class AttackOutcome:
    """What came of an attack: the JSON value or the number of rows, or PostgreSQL's error."""

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
        """Whether the error was a missing privilege or a row that a policy refused."""
        return self.error_code == _DENIED

    @property
    def error(self) -> str:
        """The error for people."""
        return f"{self.error_text} ({self.error_code})"


class Attacker:
    """Runs attacks in a sandbox, and counts them."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self.attacks = 0

    def prepare(self) -> list[Finding]:
        """Make the temporary functions that run attacks; return why that is not possible, if so.
        Raises ``django.db.DatabaseError`` where the reason is not an event trigger's."""
        try:
            with self._box.step():
                self._box.execute(read_sql("attack_functions"))
        except DatabaseError as error:
            triggers = [] if is_no_answer(error) else self._box.rows("event_triggers")
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
        """Yield each attack with its outcome, in order; a few hundred are one round trip."""
        remaining = iter(attacks)
        while batch := tuple(islice(remaining, _BATCH)):
            texts: dict[str, int] = {}  # a long one is sent once, however many attacks it is for
            settings = [
                {name: texts.setdefault(text, len(texts) + 1) for name, text in a.settings.items()}
                for a in batch
            ]
            given = {
                "roles": [attack.role for attack in batch],
                "settings": list(map(json.dumps, settings)),
                "texts": list(texts),
                "statements": [attack.statement for attack in batch],
                "answers": [attack.answers for attack in batch],
            }
            rows = self._box.rows("attack", given)
            self.attacks += len(batch)
            for attack, row in zip(batch, rows, strict=True):
                if row["error_code"] == _LOCKED:
                    raise CannotVerifyError(f"{attack.label}: {row['error_text']}; run it again.")
                yield attack, AttackOutcome(json.loads(row.pop("answer") or "null"), **row)

    def poll(
        self, role: str, cases: Sequence[ClaimsCase], updates: Sequence[str]
    ) -> list[frozenset[str]]:
        """Return what Realtime would deliver of ``updates`` (ids) to subscribers of ``role`` with
        the claims of ``cases``, one after the other in one session. Raises
        ``django.db.DatabaseError`` where one of them makes a policy raise: then nobody gets
        anything."""
        claims = [case.text or "" for case in cases]
        given = {"role": role, "claims": claims, "targets": list(updates)}
        with self._box.step():
            rows = self._box.rows("poll", given)
        self.attacks += len(rows)
        return [frozenset(row["visible"]) for row in rows]

    def holders(self, roles: Iterable[str], relation: str, privilege: str) -> frozenset[str]:
        """Return those of ``roles`` that hold ``privilege`` on ``relation`` or any of its
        columns."""
        given = {"roles": list(roles), "relation": relation, "privilege": privilege}
        return frozenset(row["role"] for row in self._box.rows("holders", given))


class Breaches:
    """Collects what broke a rule, so that fifty shapes of claims make one finding a role."""

    def __init__(self) -> None:
        self._found: dict[tuple[Rule, str], list[str]] = {}

    def add(self, rule: Rule, subject: str, what: str) -> None:
        """Note that ``subject`` broke ``rule`` by ``what``."""
        self._found.setdefault((rule, subject), []).append(what)

    def findings(self) -> Iterator[Finding]:
        """Yield one finding for each rule and subject; its reason names the first few of them."""
        for (rule, subject), what in self._found.items():
            named, more = "; ".join(what[:_MAX_NAMED]), len(what) - _MAX_NAMED
            yield rule.broken(subject, f"{named}; and {more} more" if more > 0 else named)


def read_statements(name: str, values: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the statements of ``sql/<name>.sql``, each behind its ``-- label``, with
    ``:'variables'`` (as psql has them) replaced by ``values``, which hold neither quotes nor
    backslashes."""
    blocks = re.split(r"^-- ", read_sql(name), flags=re.MULTILINE)[1:]
    labelled = (block.partition("\n") for block in blocks)
    return [
        (label, _VARIABLE.sub(lambda found: f"'{values[found[1]]}'", statement.strip()))
        for label, _, statement in labelled
    ]
