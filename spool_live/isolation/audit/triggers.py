"""The trigger that broadcasts: there, enabled, as we wrote it, and alone."""

from __future__ import annotations

from collections.abc import Iterator

from spool_live.isolation import rules
from spool_live.isolation.audit.expected import TRIGGER, expected_trigger
from spool_live.isolation.findings import Finding
from spool_live.isolation.sandbox import Sandbox
from spool_live.isolation.target import FEED, Target

_ENABLED = "O"
_STATES = {"D": "disabled", "R": "enabled for replicas only", "A": "enabled always"}


def audit_triggers(box: Sandbox, target: Target) -> Iterator[Finding]:
    """Compares the triggers on the feed with the one that our SQL file makes."""
    triggers = {row["name"]: row for row in box.rows("triggers")}
    ours = triggers.pop(TRIGGER, None)
    if ours is None:
        yield rules.TRIGGER_DIFFERS.broken(
            FEED, "there is no trigger", sql=f"{expected_trigger()};"
        )
    else:
        if _plain(ours["definition"]) != _plain(expected_trigger()):
            yield rules.TRIGGER_DIFFERS.broken(
                FEED,
                f"it is: {ours['definition']}",
                sql=f"drop trigger {TRIGGER} on {FEED};\n{expected_trigger()};",
            )
        if ours["enabled"] != _ENABLED:
            yield rules.TRIGGER_DISABLED.broken(
                FEED,
                f"it is {_STATES[ours['enabled']]}",
                sql=f"alter table {FEED} enable trigger {TRIGGER};",
            )
    for name, row in triggers.items():
        yield rules.TRIGGER_ADDED.broken(
            FEED, row["definition"], sql=f'drop trigger "{name}" on {FEED};'
        )


def _plain(definition: str) -> str:
    return " ".join(definition.lower().split())
