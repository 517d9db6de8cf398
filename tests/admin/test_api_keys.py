"""API keys in the admin: shown once, rotated with an overlap, revoked for good."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from spool_live import keys
from spool_live.keys import KEY_PATTERN, PlainKey
from spool_live.models import ApiKeyEvent, Site, SiteApiKey, SiteMirror
from tests.keys.lookup import find_key

pytestmark = pytest.mark.django_db
MakeKey = Callable[..., tuple[SiteApiKey, PlainKey]]
LIST = "admin:spool_live_siteapikey_changelist"
ADD = "admin:spool_live_siteapikey_add"
FORM = {"name": "web", "note": "", "expires_at_0": "", "expires_at_1": ""}


def shown_key(answer: Any) -> str:
    """The key that a page shows, which must be one and only one."""
    found = set(re.findall(KEY_PATTERN, answer.content.decode()))
    assert len(found) == 1
    return str(found.pop())


def page(client: Client, name: str, *args: Any) -> str:
    answer = client.get(reverse(name, args=args))
    assert answer.status_code == 200
    return answer.content.decode()


def test_new_key_is_shown_once_and_belongs_to_who_made_it(
    admin_client: Client, admin_user: Any
) -> None:
    site = Site.objects.create(name="Ledger")
    answer = admin_client.post(reverse(ADD), {**FORM, "site": site.pk, "note": "vault"})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    plain = shown_key(answer)
    key = find_key(plain)
    assert key is not None
    assert (key.created_by, key.note, key.site) == (admin_user, "vault", site)
    event = ApiKeyEvent.objects.get(key_id=key.pk)
    assert (event.action, event.origin, event.actor_name) == ("created", "admin", "admin")
    secret = plain[20:]
    change = page(admin_client, "admin:spool_live_siteapikey_change", key.pk)
    assert key.prefix in change
    for text in (change, page(admin_client, LIST), page(admin_client, "admin:index")):
        assert secret not in text
        assert key.key_hash not in text
    stored = str(list(LogEntry.objects.values())) + str(admin_client.cookies)
    assert secret not in stored


def test_adding_another_or_going_on_shows_the_key_too(admin_client: Client) -> None:
    site = Site.objects.create(name="Ledger")
    for button in ("_addanother", "_continue", "_save"):
        answer = admin_client.post(reverse(ADD), {**FORM, "site": site.pk, button: "1"})
        assert find_key(shown_key(answer)) is not None


def test_key_never_changes_its_site(admin_client: Client, make_key: MakeKey) -> None:
    key, _ = make_key()
    other = Site.objects.create(name="Herald")
    url = reverse("admin:spool_live_siteapikey_change", args=[key.pk])
    admin_client.post(url, {**FORM, "site": other.pk, "name": "renamed", "key_hash": "x"})
    stored = SiteApiKey.objects.get(pk=key.pk)
    assert (stored.name, stored.site_id, stored.key_hash) == ("renamed", key.site_id, key.key_hash)


def test_change_of_expiry_is_an_act_of_the_user(admin_client: Client, make_key: MakeKey) -> None:
    key, _ = make_key()
    before = SiteMirror.objects.get(pk=key.site_id).epoch
    url = reverse("admin:spool_live_siteapikey_change", args=[key.pk])
    soon = timezone.now() + timedelta(days=1)
    when = {"expires_at_0": f"{soon:%Y-%m-%d}", "expires_at_1": f"{soon:%H:%M:%S}"}
    assert admin_client.post(url, {**FORM, **when}).status_code == 302
    event = ApiKeyEvent.objects.order_by("-id")[0]
    assert (event.action, event.actor_name) == ("expiry_changed", "admin")
    assert SiteMirror.objects.get(pk=key.site_id).epoch == before + 1


def test_revoking_takes_the_right_for_good(admin_client: Client, make_key: MakeKey) -> None:
    key, plain = make_key()
    other, _ = make_key(key.site)
    chosen = {"action": "revoke", "_selected_action": [key.pk]}
    answer = admin_client.post(reverse(LIST), chosen, follow=True)
    assert "1 API key was revoked." in answer.content.decode()
    assert find_key(plain) is None
    other.refresh_from_db()
    assert other.revoked_at is None
    event = ApiKeyEvent.objects.order_by("-id")[0]
    assert (event.action, event.prefix, event.actor_name) == ("revoked", key.prefix, "admin")


def test_rotation_shows_the_successor_and_keeps_the_overlap(
    admin_client: Client, make_key: MakeKey
) -> None:
    key, plain = make_key()
    url = reverse("admin:spool_live_siteapikey_rotate", args=[key.pk])
    assert f'href="{url}"' in page(admin_client, "admin:spool_live_siteapikey_change", key.pk)
    assert key.prefix in page(admin_client, "admin:spool_live_siteapikey_rotate", key.pk)
    answer = admin_client.post(url, {"overlap_hours": "3"})
    fresh = find_key(shown_key(answer))
    assert fresh is not None
    assert (fresh.site_id, fresh.created_by.username) == (key.site_id, "admin")
    assert find_key(plain) is not None
    key.refresh_from_db()
    assert timedelta(hours=2.9) < key.expires_at - timezone.now() <= timedelta(hours=3)
    rotated = ApiKeyEvent.objects.get(action="rotated")
    assert (rotated.origin, rotated.actor_name) == ("admin", "admin")


@pytest.mark.parametrize("overlap", ["", "-1", "x", "1e9", "nan"])
def test_rotation_with_a_bad_overlap_asks_again(
    admin_client: Client, make_key: MakeKey, overlap: str
) -> None:
    key, _ = make_key()
    url = reverse("admin:spool_live_siteapikey_rotate", args=[key.pk])
    answer = admin_client.post(url, {"overlap_hours": overlap})
    assert "errorlist" in answer.content.decode()
    assert SiteApiKey.objects.count() == 1


def test_rotation_of_a_revoked_key_is_refused(admin_client: Client, make_key: MakeKey) -> None:
    key, _ = make_key()
    keys.revoke_key(key)
    url = reverse("admin:spool_live_siteapikey_rotate", args=[key.pk])
    assert url not in page(admin_client, "admin:spool_live_siteapikey_change", key.pk)
    answer = admin_client.post(url, {"overlap_hours": "1"}, follow=True)
    assert "This API key is not active" in answer.content.decode()
    assert SiteApiKey.objects.filter(site=key.site_id).count() == 1


def test_rotation_of_nothing_is_not_found(admin_client: Client) -> None:
    url = reverse("admin:spool_live_siteapikey_rotate", args=["no-uuid"])
    assert admin_client.get(url).status_code == 404


def test_who_may_only_look_can_neither_rotate_nor_revoke(
    staff: Callable[..., Client], make_key: MakeKey
) -> None:
    key, plain = make_key()
    client = staff("view_siteapikey")
    rotate = reverse("admin:spool_live_siteapikey_rotate", args=[key.pk])
    assert client.get(rotate).status_code == 403
    assert client.post(rotate, {"overlap_hours": "0"}).status_code == 403
    assert client.post(reverse(ADD), {**FORM, "site": key.site_id}).status_code == 403
    client.post(reverse(LIST), {"action": "revoke", "_selected_action": [key.pk]})
    assert find_key(plain) is not None
    assert Client().get(rotate).status_code == 302, "login first"


def test_deleting_a_key_is_an_act_of_the_user_and_takes_its_right(
    admin_client: Client, make_key: MakeKey
) -> None:
    key, plain = make_key()
    before = SiteMirror.objects.get(pk=key.site_id).epoch
    url = reverse("admin:spool_live_siteapikey_delete", args=[key.pk])
    assert admin_client.post(url, {"post": "yes"}).status_code == 302
    assert find_key(plain) is None
    assert SiteMirror.objects.get(pk=key.site_id).epoch == before + 1
    event = ApiKeyEvent.objects.order_by("-id")[0]
    assert (event.action, event.actor_name) == ("deleted", "admin")
