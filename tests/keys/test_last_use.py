"""Last use of a key: at most once a minute, and never at the request's cost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from spool_live.keys import PlainKey, last_use
from spool_live.models import SiteApiKey, SiteMirror
from tests.api.conftest import Call, call  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db
MakeKey = Callable[..., tuple[SiteApiKey, PlainKey]]
NOW = timezone.now()


def stored(key: SiteApiKey) -> Any:
    return SiteApiKey.objects.get(pk=key.pk).last_used_at


def test_request_notes_the_use_and_writes_nothing_itself(
    make_key: MakeKey,
    call: Call,  # noqa: F811
    django_assert_num_queries: Any,
) -> None:
    key, plain = make_key()
    version = SiteMirror.objects.get(pk=key.site_id).version
    for _ in range(3):
        with django_assert_num_queries(1):
            assert call("post", "token/", plain).status_code == 200
    assert stored(key) is None
    with django_assert_num_queries(1):
        last_use.uses.write_now()
    assert NOW <= stored(key) <= timezone.now()
    assert SiteMirror.objects.get(pk=key.site_id).version == version, "nothing to mirror"


def test_use_is_written_once_a_minute(make_key: MakeKey) -> None:
    key, _ = make_key()
    moments = [NOW, NOW + timedelta(seconds=59), NOW + timedelta(seconds=61)]
    expected = [NOW, NOW, moments[2]]
    for moment, last in zip(moments, expected, strict=True):
        key.refresh_from_db()
        last_use.note_use(key, moment)
        last_use.uses.write_now()
        assert stored(key) == last


def test_two_processes_do_not_write_twice_in_a_minute(make_key: MakeKey) -> None:
    key, _ = make_key()
    last_use.write_uses({key.pk: NOW})
    last_use.write_uses({key.pk: NOW + timedelta(seconds=30)})
    assert stored(key) == NOW
    last_use.write_uses({key.pk: NOW - timedelta(hours=1)})
    assert stored(key) == NOW, "never backwards"


def test_database_that_refuses_the_write_is_not_the_requests_trouble(
    make_key: MakeKey,
    call: Call,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, plain = make_key()

    def refuse(batch: Any) -> None:
        raise OperationalError("read-only")

    monkeypatch.setattr(last_use.uses, "_write", refuse)
    assert call("post", "token/", plain).status_code == 200
    last_use.uses.write_now()
    assert call("post", "token/", plain).status_code == 200


def test_wrong_key_is_no_use(make_key: MakeKey, call: Call) -> None:  # noqa: F811
    key, plain = make_key()
    call("post", "token/", f"{plain}0")
    last_use.uses.write_now()
    assert stored(key) is None
