"""Who did what to a key is kept, and outlives key, site and user."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from spool_live import keys
from spool_live.keys import PlainKey, trail
from spool_live.keys.trail import Origin, acting
from spool_live.models import ApiKeyEvent, OperatorEvent, Site, SiteApiKey

pytestmark = pytest.mark.django_db
MakeKey = Callable[..., tuple[SiteApiKey, PlainKey]]


def last_event() -> ApiKeyEvent:
    return ApiKeyEvent.objects.order_by("-id")[0]


def test_code_is_the_origin_where_nobody_says_otherwise(make_key: MakeKey) -> None:
    key, _ = make_key(name="web")
    event = last_event()
    assert (event.action, event.origin, event.actor_name) == ("created", "code", "")
    assert (event.key_id, event.prefix, event.key_name) == (key.pk, key.prefix, "web")
    assert event.site_id == key.site_id


def test_actor_and_origin_are_those_of_the_block(make_key: MakeKey) -> None:
    user = get_user_model().objects.create_user("ada")
    key, _ = make_key(created_by=user)
    with acting(Origin.ADMIN, user):
        keys.revoke_key(key)
    event = last_event()
    assert (event.origin, event.actor_id, event.actor_name) == ("admin", str(user.pk), "ada")
    with acting(Origin.COMMAND):
        make_key()
    assert (last_event().origin, last_event().actor_name) == ("command", "")
    make_key()
    assert last_event().origin == "code"


def test_change_of_expiry_is_kept_with_both_moments(make_key: MakeKey) -> None:
    key, _ = make_key()
    moment = timezone.now() + timedelta(days=1)
    key.expires_at = moment
    key.save()
    event = last_event()
    assert event.action == "expiry_changed"
    assert event.detail["from"] is None
    assert event.detail["to"].startswith(f"{moment:%Y-%m-%dT%H:%M}")


def test_saving_a_name_is_no_event(make_key: MakeKey) -> None:
    key, _ = make_key()
    count = ApiKeyEvent.objects.count()
    key.name = "other"
    key.save()
    assert ApiKeyEvent.objects.count() == count


def test_trail_outlives_site_key_and_user(make_key: MakeKey) -> None:
    user: Any = get_user_model().objects.create_user("ada")
    key, _ = make_key(created_by=user)
    key_id = key.pk
    assert SiteApiKey.objects.get(pk=key_id).created_by == user
    user.delete()
    assert SiteApiKey.objects.get(pk=key_id).created_by is None
    key.site.delete()
    actions = ApiKeyEvent.objects.filter(key_id=key_id).order_by("id")
    assert list(actions.values_list("action", flat=True)) == ["created", "deleted"]


def test_no_event_holds_a_secret(make_key: MakeKey) -> None:
    old, plain = make_key()
    _, fresh = keys.rotate_key(old, overlap=timedelta(hours=1))
    stored = str(list(ApiKeyEvent.objects.values()))
    assert plain[20:] not in stored
    assert fresh[20:] not in stored
    assert old.key_hash not in stored


def test_deleted_site_leaves_a_line_with_who_did_it() -> None:
    ada = get_user_model().objects.create_user("ada")
    site = Site.objects.create(name="Herald")
    probe = Site.objects.create(name="probe", is_probe=True)
    site_id = site.pk
    with acting(Origin.ADMIN, ada):
        site.delete()
    probe.delete()
    line = OperatorEvent.objects.get()
    assert (line.action, line.subject, line.site_id) == ("site_deleted", "Herald", site_id)
    assert (line.origin, line.actor_name) == ("admin", "ada")


def test_act_of_an_operator_is_one_line() -> None:
    with acting(Origin.COMMAND):
        trail.note_act(trail.Act.REPAIRED, "grants " * 100, using="default", grants=["select"])
    line = OperatorEvent.objects.get()
    assert (line.action, line.origin, line.detail) == (
        "repaired",
        "command",
        {"grants": ["select"]},
    )
    assert len(line.subject) == 300
