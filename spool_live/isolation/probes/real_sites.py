"""Attacks with the claims of real sites: SELECTs only, in a read-only subtransaction.

The findings name sites by their ids; no content of a row is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spool_live.isolation import rules
from spool_live.isolation.findings import Finding
from spool_live.isolation.probes.attacks import Attack, Attacker, AttackOutcome, Breaches
from spool_live.isolation.probes.world import token_case
from spool_live.isolation.sandbox import Sandbox
from spool_live.isolation.target import FEED, MESSAGES, SUBSCRIBER_ROLE, Target

SAMPLE = 25
"""Number of sites that are attacked, unless all are requested."""
_OWN = (
    "select to_jsonb(true) where exists (select from public.live_updates u where u.site_id = '{}')"
)
_OTHERS = (
    "select jsonb_agg(distinct few.site_id) from "
    "(select u.site_id from public.live_updates u where u.site_id <> '{}' limit 5) few"
)
_TOPICS = (
    "select jsonb_agg(distinct split_part(few.topic, ':', 2)) from (select m.topic "
    "from realtime.messages m where m.inserted_at > (now() at time zone 'utc') - interval '5 min' "
    "and m.topic like 'site:%' and split_part(m.topic, ':', 2) <> '{}' limit 5) few"
)


def probe_real_sites(
    box: Sandbox, attacker: Attacker, target: Target, *, all_sites: bool
) -> Iterator[Finding]:
    """Check that a valid key of each site reads only the site's updates, and that a key without a
    right, or a role other than that of subscribers, reads nothing."""
    rows = box.rows("real_sites", {"maximum": None if all_sites else SAMPLE})
    attacks = [(row, attack, may) for row in rows for attack, may in _attacks(row, target)]
    breaches = Breaches()
    with box.rolled_back():
        box.execute("set transaction read only")
        outcomes = attacker.run(attack for _, attack, _ in attacks)
        for (row, attack, may), (_, outcome) in zip(attacks, outcomes, strict=True):
            _judge(breaches, row, attack, outcome, may=may)
    yield from breaches.findings()


def _attacks(row: dict[str, Any], target: Target) -> Iterator[tuple[Attack, bool]]:
    site, has_right = row["site"], row["key"] is not None and not row["deleted"]
    for key, right in ((row["key"], has_right), (row["old_key"], False)):
        if key is None:
            continue
        settings = token_case(site, key).all_settings()
        for role in target.attackers:
            may = right and role == SUBSCRIBER_ROLE
            yield Attack(role, "own", _OWN.format(site), settings), may
            yield Attack(role, "others", _OTHERS.format(site), settings), False
            if target.has_messages:
                yield Attack(role, "topics", _TOPICS.format(site), settings), False


def _judge(
    breaches: Breaches, row: dict[str, Any], attack: Attack, outcome: AttackOutcome, *, may: bool
) -> None:
    site = row["site"]
    if outcome.failed:
        if not outcome.denied or may:
            breaches.add(rules.REAL_SITE_SILENT, f"site {site}", outcome.error)
    elif attack.label == "own":
        if outcome.answer and not may:
            what = f"{attack.role} reads its updates with a key that has no right to them"
            breaches.add(rules.REAL_SITE_LEAKS, f"site {site}", what)
        elif may and row["has_updates"] and not outcome.answer:
            breaches.add(
                rules.REAL_SITE_SILENT, f"site {site}", "its valid key does not read its updates"
            )
    elif outcome.answer:
        where = FEED if attack.label == "others" else MESSAGES
        what = f"its token, as {attack.role}, reads {where} of {', '.join(outcome.answer)}"
        breaches.add(rules.REAL_SITE_LEAKS, f"site {site}", what)
