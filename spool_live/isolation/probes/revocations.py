"""Revokes keys and deletes a site through the mirror, and checks who can still read and join."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from spool_live.isolation import rules
from spool_live.isolation.findings import Finding
from spool_live.isolation.probes.attacks import Attack, Attacker, Breaches
from spool_live.isolation.probes.broadcasts import (
    CALL_EVENT,
    BroadcastMessage,
    Mailbox,
    judge_messages,
)
from spool_live.isolation.probes.joins import may_join
from spool_live.isolation.probes.world import (
    EPOCH_A,
    EPOCH_B,
    VERSION,
    World,
    deliver,
    mirror,
    payloads,
    site_payload,
    token_case,
    topic,
)
from spool_live.isolation.sandbox import Sandbox
from spool_live.isolation.target import FEED, MESSAGES, SUBSCRIBER_ROLE, Target

NEXT_EPOCH = EPOCH_A + 1
_OWN_ROWS = (
    "select coalesce(jsonb_agg(few.id), '[]') "
    "from (select u.id from public.live_updates u limit 50) few"
)


class Revocations:
    """Four probes: a key is revoked, expires, or is deleted, and a site is deleted.

    Without a ``mailbox`` (no Realtime schema) only reads are checked, not joins and broadcasts.
    """

    def __init__(
        self,
        box: Sandbox,
        attacker: Attacker,
        target: Target,
        world: World,
        mailbox: Mailbox | None,
    ) -> None:
        self._box = box
        self._attacker = attacker
        self._world = world
        self._mailbox = mailbox
        self._named = not target.one_database
        self._breaches = Breaches()

    def findings(self) -> Iterator[Finding]:
        """Yield the findings of all four."""
        if self._mailbox:
            self._mailbox.new()
        with self._box.rolled_back():
            self._revoke_key()
        with self._box.rolled_back():
            self._expire_key()
        with self._box.rolled_back():
            self._delete_key()
        with self._box.rolled_back():
            self._delete_site()
        yield from self._breaches.findings()

    def _revoke_key(self) -> None:
        """Revoke A's other key. A's first key must keep working, on a new topic."""
        ids, before = self._world.ids, payloads(self._world, named=self._named)[0]
        keys = [dict(key) for key in before["api_keys"]]
        keys[1]["revoked_at"] = keys[2]["revoked_at"]
        after = site_payload(ids.site_a, NEXT_EPOCH, VERSION + 1, keys, named=self._named)
        mirror(self._box, after)
        self._expect_call(topic(ids.site_a, EPOCH_A), "a revocation")
        self._expect_reading("the other key of its site", ids.site_a, ids.key_a, NEXT_EPOCH)
        mirror(self._box, after)
        mirror(self._box, before)
        self._expect_no_call("the same site mirrored again, and an older version of it")
        self._expect_silence("a revoked key", ids.site_a, ids.key_a_other, NEXT_EPOCH)
        self._expect_reading("a key of another site", ids.site_b, ids.key_b, EPOCH_B)
        self._expect_broadcast(ids.site_a, [1000, 1001], {ids.site_a: NEXT_EPOCH})

    def _expire_key(self) -> None:
        """Set the expiry of A's other key to a time in the past."""
        ids, before = self._world.ids, payloads(self._world, named=self._named)[0]
        keys = [dict(key) for key in before["api_keys"]]
        keys[1]["expires_at"] = keys[3]["expires_at"]
        mirror(
            self._box,
            site_payload(ids.site_a, NEXT_EPOCH, VERSION + 1, keys, named=self._named),
        )
        self._expect_call(topic(ids.site_a, EPOCH_A), "an expiry")
        self._expect_silence("a key that has expired", ids.site_a, ids.key_a_other, NEXT_EPOCH)
        self._expect_reading("the other key of its site", ids.site_a, ids.key_a, NEXT_EPOCH)

    def _delete_key(self) -> None:
        """Delete A's other key: the mirror no longer receives it."""
        ids, before = self._world.ids, payloads(self._world, named=self._named)[0]
        keys = [key for key in before["api_keys"] if key["id"] != ids.key_a_other]
        mirror(
            self._box,
            site_payload(ids.site_a, NEXT_EPOCH, VERSION + 1, keys, named=self._named),
        )
        self._expect_call(topic(ids.site_a, EPOCH_A), "the deletion of a key")
        self._expect_silence("a deleted key", ids.site_a, ids.key_a_other, NEXT_EPOCH)
        self._expect_reading("the other key of its site", ids.site_a, ids.key_a, NEXT_EPOCH)

    def _delete_site(self) -> None:
        """Delete site B, then mirror it again as a restored backup would."""
        ids = self._world.ids
        deletion = site_payload(
            ids.site_b, EPOCH_B, VERSION + 1, [], named=self._named, deleted=True
        )
        mirror(self._box, deletion)
        self._expect_call(self._world.topic_b, "a deletion")
        restored = {**payloads(self._world, named=self._named)[1], "version": VERSION + 2}
        mirror(self._box, restored)
        self._expect_silence("a key of a site deleted just now", ids.site_b, ids.key_b, EPOCH_B)
        self._expect_reading("a key of another site", ids.site_a, ids.key_a, EPOCH_A)
        if not self._named:  # otherwise its row is deleted, and no update can refer to it
            self._expect_broadcast(ids.site_b, [1000], {})

    def _expect_call(self, channel: str, event: str) -> None:
        if self._mailbox is None:
            return
        messages = self._mailbox.new()
        calls = [message for message in messages if _is_call(message, channel)]
        if len(calls) != 1:
            what = f"after {event}: {len(calls)} calls on topic {channel!r}, not 1"
            self._breaches.add(rules.BROADCAST_CALL, "public.spool_live_mirror", what)
        self._expect_nothing_else(messages, calls, event)

    def _expect_no_call(self, event: str) -> None:
        if self._mailbox:
            self._expect_nothing_else(self._mailbox.new(), [], event)

    def _expect_nothing_else(
        self, messages: Sequence[BroadcastMessage], calls: Sequence[BroadcastMessage], event: str
    ) -> None:
        for message in messages:
            if message not in calls:
                what = f"{message.event} on topic {message.topic!r} after {event}"
                self._breaches.add(rules.BROADCAST_CALL, "public.spool_live_mirror", what)

    def _expect_broadcast(self, site: str, seqs: Sequence[int], epochs: dict[str, int]) -> None:
        if self._mailbox is None:
            return
        stored = deliver(self._box, [(site, seq, 0) for seq in seqs])
        messages = self._mailbox.new()
        for message in messages:
            if message.topic in (self._world.topic_a, self._world.topic_b):
                what = f"{message.event} on topic {message.topic!r}"
                self._breaches.add(rules.BROADCAST_OLD_TOPIC, FEED, what)
        judge_messages(self._breaches, self._world, messages, {site: stored}, epochs)

    def _expect_silence(self, whose: str, site: str, key: str, epoch: int) -> None:
        if self._reads(site, key):
            self._breaches.add(rules.REVOKED_GOES_ON, FEED, f"{whose} reads")
        for channel in (topic(site, epoch), topic(site, epoch - 1)):
            if self._joins(site, key, channel):
                what = f"{whose} joins {channel!r}"
                self._breaches.add(rules.REVOKED_GOES_ON, MESSAGES, what)

    def _expect_reading(self, whose: str, site: str, key: str, epoch: int) -> None:
        if not self._reads(site, key):
            self._breaches.add(rules.OTHERS_STOP, FEED, f"{whose} reads nothing")
        if self._mailbox and not self._joins(site, key, topic(site, epoch)):
            what = f"{whose} cannot join {topic(site, epoch)!r}"
            self._breaches.add(rules.OTHERS_STOP, MESSAGES, what)

    def _reads(self, site: str, key: str) -> bool:
        settings = token_case(site, key).all_settings()
        ((_, outcome),) = self._attacker.run([Attack(SUBSCRIBER_ROLE, "read", _OWN_ROWS, settings)])
        return bool(outcome.answer)

    def _joins(self, site: str, key: str, channel: str) -> bool:
        if self._mailbox is None:
            return False
        return may_join(self._box, self._attacker, token_case(site, key), channel)


def _is_call(message: BroadcastMessage, channel: str) -> bool:
    return (
        message.topic == channel
        and message.event == CALL_EVENT
        and message.extension == "broadcast"
        and message.private is True
        and message.payload == {}
    )
