"""Sites in the admin."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from spool_live.keys import PlainKey
from spool_live.models import ApiKeyEvent, Site, SiteApiKey, SiteDelivery
from spool_live.status.snapshot import kept

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("alive")]
MakeKey = Callable[..., tuple[SiteApiKey, PlainKey]]
LIST = "admin:spool_live_site_changelist"


def test_list_says_how_each_site_is_delivered(admin_client: Client, make_key: MakeKey) -> None:
    key, _ = make_key()
    SiteDelivery.objects.filter(pk=key.site_id).update(last_seq=4711)
    text = admin_client.get(reverse(LIST)).content.decode()
    assert "4711" in text
    assert "up to date" in text
    soon = timezone.now() + timedelta(seconds=30)
    SiteDelivery.objects.filter(pk=key.site_id).update(last_error="503: away", retry_at=soon)
    kept.forget()
    assert "503: away" in admin_client.get(reverse(LIST)).content.decode()
    SiteDelivery.objects.filter(pk=key.site_id).update(last_error="", acknowledged_version=0)
    kept.forget()
    assert "key changes are on their way" in admin_client.get(reverse(LIST)).content.decode()


def test_list_takes_the_same_queries_for_any_number_of_sites(
    admin_client: Client, make_key: MakeKey, django_assert_max_num_queries: Any
) -> None:
    for _ in range(15):
        make_key(ready=False)
    admin_client.get(reverse(LIST))  # the status is kept for a moment
    with django_assert_max_num_queries(9):
        admin_client.get(reverse(LIST))


def test_site_is_made_changed_and_deleted_with_its_keys(
    admin_client: Client, make_key: MakeKey
) -> None:
    answer = admin_client.post(reverse("admin:spool_live_site_add"), {"name": "Herald"})
    assert answer.status_code == 302
    site = Site.objects.get(name="Herald")
    key, _ = make_key(site)
    change = reverse("admin:spool_live_site_change", args=[site.pk])
    assert "up to date" in admin_client.get(change).content.decode()
    delete = reverse("admin:spool_live_site_delete", args=[site.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 302
    assert not Site.objects.filter(pk=site.pk).exists()
    event = ApiKeyEvent.objects.order_by("-id")[0]
    assert (event.action, event.key_id, event.actor_name) == ("deleted", key.pk, "admin")
