"""A project that reads from a replica: it lags, and what decides a right is not read there."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Model

from spool_live import broadcast_update, delivery, keys, tokens
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.keys import PlainKey, last_use
from spool_live.models import FailedAuthentication, Site, SiteApiKey
from spool_live.throttling import failure_log
from spool_live.updates import EventType, LiveUpdateData
from tests.api.conftest import Call

pytestmark = pytest.mark.django_db(databases=["default", "other"])
MakeKey = Callable[..., tuple[SiteApiKey, PlainKey]]


class ReadsElsewhere:
    """A router as the documentation of Django has it: every read goes to the replica."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        return "other"

    def allow_relation(self, one: Model, two: Model, **hints: Any) -> bool:
        return True


@pytest.fixture
def key(make_key: MakeKey, settings: Any) -> tuple[SiteApiKey, PlainKey]:
    """An active key which the replica knows, and is active there for as long as the test takes."""
    key, plain = make_key()
    Site(pk=key.site_id, name=key.site.name).save(using="other", force_insert=True)
    copy = SiteApiKey.objects.get(pk=key.pk)
    copy.save(using="other", force_insert=True)
    assert isinstance(keys.identify(plain, using="other"), keys.Identity)
    settings.DATABASE_ROUTERS = [f"{__name__}.ReadsElsewhere", *settings.DATABASE_ROUTERS]
    return key, plain


def test_revoked_key_has_no_right_although_the_replica_has_not_got_it_yet(
    key: tuple[SiteApiKey, PlainKey], call: Call
) -> None:
    revoked, plain = key
    token = tokens.mint(revoked).encoded
    keys.revoke_key(revoked, using="default")
    assert call("post", "token/", plain).status_code == 401
    assert call("get", "updates/?after=0", token, bearer=True).status_code == 401


def test_new_key_and_newest_updates_are_there_before_the_replica_has_them(
    key: tuple[SiteApiKey, PlainKey], call: Call
) -> None:
    known, _ = key
    fresh, plain = keys.create_key(known.site, name="second front end", using="default")
    update = LiveUpdateData(EventType.UPDATED, "articles", uuid.uuid4(), slug="newest")
    broadcast_update(fresh.site_id, update)
    delivery.deliver_pending("default", broadcaster=MemoryBroadcaster())
    assert call("post", "token/", plain).json()["seq"] == 1
    page = call("get", "updates/?after=0", plain).json()
    assert [update["slug"] for update in page["results"]] == ["newest"]
    assert call("get", "site/", plain).json()["key"]["id"] == str(fresh.pk)


def test_uses_and_failures_are_written_where_writes_go(
    key: tuple[SiteApiKey, PlainKey], call: Call
) -> None:
    known, plain = key
    call("post", "token/", plain)
    call("post", "token/", keys.with_checksum(f"{known.prefix}_{'A' * 43}"))
    last_use.uses.write_now()
    failure_log.write_now()
    assert SiteApiKey.objects.using("default").get().last_used_at is not None
    assert FailedAuthentication.objects.using("default").get().prefix == known.prefix
    assert SiteApiKey.objects.using("other").get().last_used_at is None
    assert not FailedAuthentication.objects.using("other").exists()
