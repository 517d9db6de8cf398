"""Two people change one key at the same moment: what the first one did is not undone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from spool_live import keys
from spool_live.keys import PlainKey
from spool_live.local.processes import wait_until
from spool_live.models import ApiKeyEvent, SiteApiKey, SiteMirror
from tests.sessions import is_somebody_waiting, threads
from tests.waiting import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)
MakeKey = Callable[..., tuple[SiteApiKey, PlainKey]]


def revoke_while(key: SiteApiKey, other: Callable[[SiteApiKey], Any]) -> BaseException | None:
    """Revokes ``key`` while another session does something to its own copy of it, which it loaded
    before and must wait with. Returns what that raised."""
    copy = SiteApiKey.objects.get(pk=key.pk)
    with threads(1) as start, transaction.atomic():
        keys.revoke_key(key)
        outcome = start(other, copy)
        wait_until(is_somebody_waiting)
    return outcome.exception(PATIENCE)


def test_two_revocations_are_one_change_of_the_site(make_key: MakeKey) -> None:
    key, _ = make_key()
    before = SiteMirror.objects.get(pk=key.site_id)
    copies: list[SiteApiKey] = []

    def revoke(copy: SiteApiKey) -> None:
        keys.revoke_key(copy)
        copies.append(copy)

    assert revoke_while(key, revoke) is None
    after = SiteMirror.objects.get(pk=key.site_id)
    assert (after.version, after.epoch) == (before.version + 1, before.epoch + 1)
    assert [copy.revoked_at for copy in copies] == [key.revoked_at]
    actions = ApiKeyEvent.objects.filter(key_id=key.pk).order_by("id")
    assert list(actions.values_list("action", flat=True)) == ["created", "revoked"]


def test_key_that_is_being_revoked_is_not_handed_on(make_key: MakeKey) -> None:
    key, _ = make_key()
    refusal = revoke_while(key, lambda copy: keys.rotate_key(copy, overlap=timedelta(hours=1)))
    assert isinstance(refusal, ValueError)
    assert list(SiteApiKey.objects.filter(site_id=key.site_id)) == [key], "no successor"


def test_rename_does_not_undo_a_revocation_that_commits_meanwhile(make_key: MakeKey) -> None:
    key, plain = make_key()

    def rename(copy: SiteApiKey) -> None:
        copy.name = "renamed"
        copy.save()

    assert revoke_while(key, rename) is None
    stored = SiteApiKey.objects.get(pk=key.pk)
    assert (stored.name, stored.revoked_at) == ("renamed", key.revoked_at)
    assert isinstance(keys.identify(plain), keys.Refusal)
