"""The probe sites of attacks: created as the app creates sites, with keys of every kind and
updates."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import DatabaseError

from spool_live.isolation import rules
from spool_live.isolation.findings import Finding
from spool_live.isolation.probes.claims import ClaimsCase, ProbeIds, token_claims
from spool_live.isolation.sandbox import Sandbox, first_line, is_inconclusive
from spool_live.isolation.target import SERVICE_ROLE, Target

EPOCH_A = 3
EPOCH_B = 5
VERSION = 10


@dataclass(slots=True)
class World:
    """Two sites, a deleted third one, and the updates that were delivered for them at the start.

    ``updates`` has the ids by site, in the order of their ``seq``.
    """

    ids: ProbeIds = field(default_factory=ProbeIds)
    updates: dict[str, list[str]] = field(default_factory=dict)

    @property
    def topic_a(self) -> str:
        """The private topic of site A."""
        return topic(self.ids.site_a, EPOCH_A)

    @property
    def topic_b(self) -> str:
        """The private topic of site B."""
        return topic(self.ids.site_b, EPOCH_B)

    @property
    def sites(self) -> tuple[str, str, str]:
        """The ids of all three sites."""
        return self.ids.site_a, self.ids.site_b, self.ids.site_deleted

    def token_a(self) -> ClaimsCase:
        """Return a valid token of site A."""
        return token_case(self.ids.site_a, self.ids.key_a)

    def variables(self) -> dict[str, str]:
        """Return the variables that statements of attacks may use."""
        return {
            "site_a": self.ids.site_a,
            "site_b": self.ids.site_b,
            "key_a_revoked": self.ids.key_a_revoked,
            "key_b": self.ids.key_b,
            "update_a": self.updates[self.ids.site_a][0],
            "update_b": self.updates[self.ids.site_b][0],
            "topic_b": self.topic_b,
        }

    def name(self, site_id: str) -> str:
        """Return the name of this site in findings."""
        names = {self.ids.site_a: "site A", self.ids.site_b: "site B"}
        return names.get(site_id, "the deleted site" if site_id in self.sites else "another site")


def token_case(site: str, key: str) -> ClaimsCase:
    """Return the claims of a token that the app would mint for this site and key."""
    return ClaimsCase("a valid token", json.dumps(token_claims(site, key)), site, must=True)


def topic(site_id: str, epoch: int) -> str:
    """Return the private Realtime topic of a site in an epoch."""
    return f"site:{site_id}:{epoch}"


def build_world(box: Sandbox, target: Target, world: World) -> Iterator[Finding]:
    """Create the sites of ``world`` with the functions and rights that delivery uses.

    What the service role cannot do is a finding; the migrating role then does it, so that there is
    something to attack. Raises ``django.db.DatabaseError``.
    """
    if target.one_database:
        box.rows("probe_sites", {"sites": list(world.sites)})
    yield from _mirrored(box, payloads(world, named=not target.one_database))
    box.rows("probe_deletion", {"site": world.ids.site_deleted})
    yield from _delivered(box, world)
    yield from _cleaned_up(box)


def payloads(world: World, *, named: bool) -> list[dict[str, Any]]:
    """Return the payloads that the app would mirror for the three sites at the start."""
    ids = world.ids
    now = datetime.now(UTC)
    past, future = (now - timedelta(hours=1)).isoformat(), (now + timedelta(hours=1)).isoformat()
    keys_a = [
        _key(ids.key_a),
        _key(ids.key_a_other, expires_at=future),
        _key(ids.key_a_revoked, revoked_at=past),
        _key(ids.key_a_expired, expires_at=past),
    ]
    return [
        site_payload(ids.site_a, EPOCH_A, VERSION, keys_a, named=named),
        site_payload(ids.site_b, EPOCH_B, VERSION, [_key(ids.key_b)], named=named),
        site_payload(ids.site_deleted, 1, VERSION, [_key(ids.key_deleted)], named=named),
    ]


def site_payload(
    site_id: str,
    epoch: int,
    version: int,
    keys: Sequence[dict[str, Any]],
    *,
    named: bool,
    deleted: bool = False,
) -> dict[str, Any]:
    """Return the payload of one site for the mirror.

    ``named`` says that the Supabase database has its own copy of the table ``sites``.
    """
    return {
        "site_id": site_id,
        "version": version,
        "epoch": epoch,
        "deleted": deleted,
        "name": "verify_rls probe" if named else None,
        "api_keys": list(keys),
    }


def mirror(box: Sandbox, payload: dict[str, Any]) -> dict[str, Any]:
    """Call the mirror function as the service role, and return its answer.

    Raises ``django.db.DatabaseError``.
    """
    with acting_as(box, SERVICE_ROLE):
        answer: dict[str, Any] = json.loads(
            box.row("mirror", {"site": json.dumps(payload)})["answer"]
        )
    return answer


def deliver(box: Sandbox, updates: Sequence[tuple[str, int, int]]) -> list[str]:
    """Deliver updates in one statement as the service role, and return their ids.

    Each is ``(site id, seq, bytes of metadata)``. Raises ``django.db.DatabaseError``.
    """
    with acting_as(box, SERVICE_ROLE):
        return insert_updates(box, updates)


def insert_updates(box: Sandbox, updates: Sequence[tuple[str, int, int]]) -> list[str]:
    """Do what ``deliver`` does, as the session's current role."""
    update_ids = [str(uuid.uuid4()) for _ in updates]
    box.rows(
        "probe_updates",
        {
            "ids": update_ids,
            "sites": [site for site, _, _ in updates],
            "seqs": [seq for _, seq, _ in updates],
            "fillers": [filler for _, _, filler in updates],
        },
    )
    return update_ids


@contextmanager
def acting_as(box: Sandbox, role: str) -> Iterator[None]:
    """Run the block as ``role``, in a savepoint that is rolled back only if the block raises."""
    with box.step():
        box.execute(f"set local role {box.connection.ops.quote_name(role)}")
        yield
        box.execute("set local role none")


def _mirrored(box: Sandbox, sites: Sequence[dict[str, Any]]) -> Iterator[Finding]:
    try:
        for site in sites:
            if not mirror(box, site).get("applied"):
                reason = "it did not apply the payload of a new site"
                yield rules.DELIVER_MIRROR.broken("public.spool_live_mirror", reason)
    except DatabaseError as error:
        if is_inconclusive(error):
            raise
        yield rules.DELIVER_MIRROR.broken("public.spool_live_mirror", first_line(error))
    box.rows("probe_mirror", {"sites": json.dumps(sites)})


def _cleaned_up(box: Sandbox) -> Iterator[Finding]:
    try:
        with box.rolled_back(), acting_as(box, SERVICE_ROLE):
            box.rows("cleanup")
    except DatabaseError as error:
        if is_inconclusive(error):
            raise
        yield rules.DELIVER_CLEANUP.broken("public.spool_live_cleanup", first_line(error))


def _delivered(box: Sandbox, world: World) -> Iterator[Finding]:
    a, b, deleted = world.sites
    updates = [(a, 1, 0), (b, 1, 0), (deleted, 1, 0), (a, 2, 0), (b, 2, 0), (a, 3, 0)]
    try:
        update_ids = deliver(box, updates)
    except DatabaseError as error:
        if is_inconclusive(error):
            raise
        yield rules.DELIVER_INSERT.broken("public.live_updates", first_line(error))
        update_ids = insert_updates(box, updates)
    for (site, _, _), update_id in zip(updates, update_ids, strict=True):
        world.updates.setdefault(site, []).append(update_id)


def _key(
    key_id: str, *, expires_at: str | None = None, revoked_at: str | None = None
) -> dict[str, Any]:
    return {"id": key_id, "expires_at": expires_at, "revoked_at": revoked_at}
