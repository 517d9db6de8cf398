"""From which addresses a key is used: to the minute, bounded, and never at the request's cost."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from spool_live.keys import PlainKey, addresses
from spool_live.models import ApiKeyUse, SiteApiKey
from tests.api.conftest import Call, call  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db
MakeKey = Callable[..., tuple[SiteApiKey, PlainKey]]
NOW = timezone.now()


def stored(key: SiteApiKey) -> dict[str, tuple[datetime, datetime | None]]:
    rows = ApiKeyUse.objects.filter(key_id=key.pk)
    return {row.address: (row.last_at, row.last_token_at) for row in rows}


def test_request_for_a_token_leaves_its_address(
    make_key: MakeKey,
    call: Call,  # noqa: F811
    django_assert_num_queries: Any,
) -> None:
    key, plain = make_key()
    with django_assert_num_queries(1):
        call("post", "token/", plain, REMOTE_ADDR="192.0.2.7")
    call("get", "updates/?after=0", plain, REMOTE_ADDR="192.0.2.8")
    assert stored(key) == {}, "the request itself writes nothing"
    addresses.addresses.write_now()
    found = stored(key)
    assert set(found) == {"192.0.2.7", "192.0.2.8"}
    assert found["192.0.2.7"][1] == found["192.0.2.7"][0] >= NOW
    assert found["192.0.2.8"][1] is None, "it asked for no token"
    assert ApiKeyUse.objects.values_list("site_id", flat=True)[0] == key.site_id


def test_refused_request_leaves_nothing(
    make_key: MakeKey,
    call: Call,  # noqa: F811
) -> None:
    _, plain = make_key()
    assert call("post", "token/", plain[:-1] + "x").status_code == 401
    addresses.addresses.write_now()
    assert not ApiKeyUse.objects.exists()


def test_use_is_noted_once_a_minute_and_a_token_is_another_use(make_key: MakeKey) -> None:
    key, _ = make_key()

    def use(seconds: int, *, for_token: bool = False) -> tuple[datetime, datetime | None]:
        moment = NOW + timedelta(seconds=seconds)
        addresses.note_address(key, "192.0.2.7", for_token=for_token, now=moment)
        addresses.addresses.write_now()
        return stored(key)["192.0.2.7"]

    assert use(0) == (NOW, None)
    assert use(59) == (NOW, None)
    assert use(59, for_token=True) == (NOW + timedelta(seconds=59),) * 2
    assert use(61)[0] == NOW + timedelta(seconds=61)
    assert use(61)[1] == NOW + timedelta(seconds=59)


def test_newest_addresses_of_a_key_are_kept(
    make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "ADDRESSES_PER_KEY", 3)
    key, other = uuid.uuid4(), uuid.uuid4()
    site = uuid.uuid4()
    addresses.write_addresses({(other, site, "192.0.2.99"): (NOW - timedelta(hours=9), None)})
    for number in range(6):
        moment = NOW + timedelta(seconds=number)
        addresses.write_addresses({(key, site, f"192.0.2.{number}"): (moment, moment)})
    kept = ApiKeyUse.objects.order_by("last_at").values_list("address", flat=True)
    assert list(kept) == ["192.0.2.99", "192.0.2.3", "192.0.2.4", "192.0.2.5"]


def test_process_remembers_a_bounded_number(
    make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "_MAX_NOTED", 10)
    key, _ = make_key()
    for number in range(100):
        addresses.note_address(key, f"192.0.2.{number}", for_token=False, now=NOW)
    assert len(addresses._noted) <= 10


def test_lately_is_ten_minutes_and_a_day_is_kept() -> None:
    ids = [uuid.uuid4() for _ in range(3)]
    ages = [timedelta(minutes=9), timedelta(minutes=11), timedelta(hours=25)]
    for key_id, age in zip(ids, ages, strict=True):
        addresses.write_addresses({(key_id, uuid.uuid4(), "192.0.2.1"): (NOW - age, None)})
    assert [use.key_id for use in addresses.used_lately(NOW)] == ids[:1]
    assert addresses.purge_addresses("default", now=NOW) == 1
    assert ApiKeyUse.objects.count() == 2
