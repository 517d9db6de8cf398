"""A key is revoked while its site is being mirrored: the revocation is mirrored too, always."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from spool_live import keys
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import mirror
from spool_live.keys import PlainKey
from spool_live.models import SiteApiKey
from tests.sessions import threads
from tests.waiting import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)
MakeKey = Callable[..., tuple[SiteApiKey, PlainKey]]


class Before:
    """Calls ``act`` in another session right before the nth statement of this one, of those that
    are not part of a transaction (inside one, another session may have to wait)."""

    def __init__(self, nth: int, act: Callable[[], Any]) -> None:
        self._left = nth
        self._act = act
        self.acted = False

    def __call__(self, execute: Any, sql: str, *rest: Any) -> Any:
        if not self.acted and not connection.in_atomic_block:
            if self._left == 0:
                self.acted = True
                with threads(1) as start:
                    start(self._act).result(PATIENCE)
            self._left -= 1
        return execute(sql, *rest)


def mirrored_keys(key: SiteApiKey) -> list[str]:
    """The keys of a site that have a right, as the Supabase database knows it."""
    held = MemoryBroadcaster.sites[str(key.site_id)]["api_keys"]
    return [known["id"] for known in held if known["revoked_at"] is None]


def test_no_moment_is_too_early_or_too_late_for_a_revocation(make_key: MakeKey) -> None:
    moments = 0
    while True:
        key, _ = make_key(ready=False)
        kept, _ = make_key(site=key.site, ready=False)
        copy = SiteApiKey.objects.get(pk=key.pk)
        moment = Before(moments, lambda copy=copy: keys.revoke_key(copy))  # type: ignore[misc]
        with connection.execute_wrapper(moment):
            mirror.mirror_pending("default", MemoryBroadcaster())
        if not moment.acted:
            break
        mirror.mirror_pending("default", MemoryBroadcaster())
        assert mirrored_keys(key) == [str(kept.pk)], f"revoked before statement {moments}"
        moments += 1
    assert moments > 3
    assert set(mirrored_keys(key)) == {str(key.pk), str(kept.pk)}, "and nobody else's right ends"
