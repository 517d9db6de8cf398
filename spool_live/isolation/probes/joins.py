"""Tries to join the private topic of a site, by the same steps as Realtime's.

For each join, Realtime inserts one row for broadcasts and one for presence with its own rights. It
then becomes the subscriber's role, with the claims and the topic, and selects: what it can see is
allowed. The right to send is tried by an insert.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spool_live.isolation import rules
from spool_live.isolation.findings import Finding, Rule
from spool_live.isolation.probes.attacks import Attack, Attacker, AttackOutcome, Breaches
from spool_live.isolation.probes.claims import ClaimsCase, claims_matrix
from spool_live.isolation.probes.world import EPOCH_A, World, topic
from spool_live.isolation.sandbox import Sandbox
from spool_live.isolation.target import MESSAGES, SUBSCRIBER_ROLE, Target

_OF_SITES = re.compile(r"site:[0-9a-f-]{36}:")
"""The form of topics that the restrictive policy reserves for sites."""


@dataclass(frozen=True, slots=True)
class Join:
    """An attempt to join ``topic``. With ``right`` it may succeed, with ``must`` it has to."""

    role: str
    case: ClaimsCase
    topic: str
    right: bool
    must: bool

    def settings(self) -> dict[str, str]:
        """Return the settings that Realtime sets before it selects."""
        return {
            "realtime.topic": self.topic,
            "request.headers": "{}",
            "request.jwt.claim.role": self.role,
            **self.case.all_settings(),
        }

    @property
    def label(self) -> str:
        """A description of the attempt, for people."""
        return f"{self.case.name} on {self.topic!r}"


def probe_joins(
    box: Sandbox, attacker: Attacker, target: Target, world: World
) -> Iterator[Finding]:
    """Try to join the topics of the sites, with every role and every shape of claims.

    A valid token of site A also tries every topic that looks like a site's, and every role tries to
    send.
    """
    joins = [*_matrix(target, world), *_lookalikes(world)]
    readers = attacker.holders(target.attackers, MESSAGES, "select")
    breaches = Breaches()
    with box.rolled_back():
        looks = _looks(box, {join.topic for join in joins})
        attacks = (Attack(j.role, j.label, looks[j.topic], j.settings()) for j in joins)
        for join, (_, outcome) in zip(joins, attacker.run(attacks), strict=True):
            _judge(breaches, join, outcome, may_read=join.role in readers)
    for join, outcome in _sends(attacker, target, world):
        if not outcome.denied:
            what = f"{join.label}: {outcome.error}" if outcome.failed else join.label
            breaches.add(rules.JOIN_SEND, f"{MESSAGES} as {join.role}", what)
    yield from breaches.findings()


def may_join(box: Sandbox, attacker: Attacker, token: ClaimsCase, channel: str) -> bool:
    """Return whether a subscriber with ``token`` may join the topic ``channel`` now."""
    join = Join(SUBSCRIBER_ROLE, token, channel, right=True, must=False)
    with box.rolled_back():
        look = _looks(box, {channel})[channel]
        ((_, outcome),) = attacker.run([Attack(join.role, "join", look, join.settings())])
    return "broadcast" in (outcome.answer or ())


def _matrix(target: Target, world: World) -> Iterator[Join]:
    for case in claims_matrix(world.ids):
        for role in target.attackers:
            for site, channel in (
                (world.ids.site_a, world.topic_a),
                (world.ids.site_b, world.topic_b),
            ):
                right = role == SUBSCRIBER_ROLE and case.site == site
                if site == world.ids.site_a or site in (case.text or ""):
                    yield Join(role, case, channel, right, must=right and case.must)


def _lookalikes(world: World) -> Iterator[Join]:
    a, b = world.ids.site_a, world.ids.site_b
    for channel in (
        topic(a, EPOCH_A - 1),
        topic(a, EPOCH_A + 1),
        topic(world.ids.site_deleted, 1),
        f"site:{a}",
        f"site:{a}:",
        f"site:{a}:%",
        f"site:{a}:*",
        f"site:{a}:{EPOCH_A} ",
        f" site:{a}:{EPOCH_A}",
        f"site:{a}:{EPOCH_A}:more",
        f"site:{a}:0{EPOCH_A}",
        f"site:{a.upper()}:{EPOCH_A}",
        f"SITE:{a}:{EPOCH_A}",
        f"site:{a},{b}:{EPOCH_A}",
        f"realtime:{world.topic_b}",
        "site:%",
        "site:*",
        "site:",
        "site",
        "%",
        "",
        world.topic_a + "x" * 10_240,
        f"{world.topic_a}' or topic like 'site:%",
    ):
        case = world.token_a()
        if channel != world.topic_a:  # upper case changes nothing in an id without letters
            yield Join(SUBSCRIBER_ROLE, case, channel, right=False, must=False)


def _sends(
    attacker: Attacker, target: Target, world: World
) -> Iterator[tuple[Join, AttackOutcome]]:
    joins = [
        (Join(role, world.token_a(), channel, right=False, must=False), extension)
        for role in target.attackers
        for channel in (world.topic_a, world.topic_b)
        for extension in ("broadcast", "presence")
    ]
    attacks = (
        Attack(j.role, extension, _send(j.topic, extension), j.settings()) for j, extension in joins
    )
    for (join, _), (_, outcome) in zip(joins, attacker.run(attacks), strict=True):
        yield join, outcome


def _looks(box: Sandbox, topics: set[str]) -> dict[str, str]:
    """Store a row for broadcasts and one for presence on each topic.

    Returns by topic the query that selects which of them can be seen. It names ``inserted_at`` too,
    so that PostgreSQL reads one partition only.
    """
    rows: dict[str, list[str]] = {}
    for row in box.rows("join_rows", {"topics": sorted(topics)}):
        place = f"m.id = '{row['id']}' and m.inserted_at = '{row['inserted_at']}'"
        rows.setdefault(row["topic"], []).append(place)
    return {channel: _look(places) for channel, places in rows.items()}


def _look(places: Sequence[str]) -> str:
    return (
        "select coalesce(jsonb_agg(distinct m.extension), '[]') "  # noqa: S608 - our own ids
        f"from realtime.messages m where {' or '.join(places)}"
    )


def _send(channel: str, extension: str) -> str:
    return (
        "insert into realtime.messages (topic, extension, event, private, payload) "  # noqa: S608
        f"values ('{channel}', '{extension}', 'live_updates', true, '{{}}')"
    )


def _judge(breaches: Breaches, join: Join, outcome: AttackOutcome, *, may_read: bool) -> None:
    if outcome.failed:
        if may_read or not outcome.denied:
            _add(breaches, rules.JOIN_RAISES, join, f"{join.label}: {outcome.error}")
        elif join.must:
            _add(breaches, rules.JOIN_OWN, join, f"{join.label}: {outcome.error}")
        return
    if not _OF_SITES.match(join.topic):
        return  # spool_live sends nothing there, so other policies may open such a topic
    if "presence" in outcome.answer:
        _add(breaches, rules.JOIN_PRESENCE, join, join.label)
    if "broadcast" in outcome.answer and not join.right:
        _add(breaches, _wrong_join(join), join, join.label)
    elif join.must and "broadcast" not in outcome.answer:
        _add(breaches, rules.JOIN_OWN, join, join.label)


def _wrong_join(join: Join) -> Rule:
    if join.role != SUBSCRIBER_ROLE:
        return rules.JOIN_OTHER_ROLE
    return rules.JOIN_OTHER if join.case.site else rules.JOIN_WITHOUT_RIGHT


def _add(breaches: Breaches, rule: Rule, join: Join, what: str) -> None:
    breaches.add(rule, f"{MESSAGES} as {join.role}", what)
