"""Audit of triggers: the one that broadcasts has to be enabled and unchanged, others are
reported."""

from __future__ import annotations

from collections.abc import Iterator

from spool_live.isolation import rules
from spool_live.isolation.audit.expected import TRIGGER, expected_trigger
from spool_live.isolation.findings import Finding
from spool_live.isolation.sandbox import Sandbox
from spool_live.isolation.target import FEED, MESSAGES, Target

_ENABLED = "O"
_STATES = {"D": "disabled", "R": "enabled for replicas only", "A": "enabled always"}


def audit_triggers(box: Sandbox, target: Target) -> Iterator[Finding]:
    """Compare the triggers on spool_live's tables and ``realtime.messages`` with the one that the
    SQL files create."""
    tables = [FEED, *target.private_tables, MESSAGES]
    triggers = {(r["table"], r["name"]): r for r in box.rows("triggers", {"tables": tables})}
    ours = triggers.pop((FEED, TRIGGER), None)
    if ours is None:
        yield rules.TRIGGER_DIFFERS.broken(
            FEED, f"the trigger {TRIGGER} does not exist", sql=f"{expected_trigger()};"
        )
    else:
        if _plain(ours["definition"]) != _plain(expected_trigger()):
            yield rules.TRIGGER_DIFFERS.broken(
                FEED,
                f"the trigger is: {ours['definition']}",
                sql=f"drop trigger {TRIGGER} on {FEED};\n{expected_trigger()};",
            )
        if ours["enabled"] != _ENABLED:
            yield rules.TRIGGER_DISABLED.broken(
                FEED,
                f"the trigger {TRIGGER} is {_STATES[ours['enabled']]}",
                sql=f"alter table {FEED} enable trigger {TRIGGER};",
            )
    for (table, name), row in triggers.items():
        yield rules.TRIGGER_ADDED.broken(
            table,
            f"additional trigger: {row['definition']}",
            sql=f'drop trigger "{name}" on {table};',
        )


def _plain(definition: str) -> str:
    return " ".join(definition.lower().split())
