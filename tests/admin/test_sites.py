"""Sites in the admin."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import deliver_pending
from spool_live.keys import PlainKey, addresses
from spool_live.models import (
    ApiKeyEvent,
    OperatorEvent,
    OutboxEntry,
    Site,
    SiteApiKey,
    SiteDelivery,
)
from spool_live.status.snapshot import kept
from tests.outbox.conftest import waiting

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
    site = Site.objects.get(name="Herald")
    assert answer["Location"] == f"{reverse('admin:spool_live_siteapikey_add')}?site={site.pk}"
    form = admin_client.get(answer["Location"]).context["adminform"].form
    assert (str(form.initial["site"]), form.initial["name"]) == (str(site.pk), "default")
    key, _ = make_key(site)
    change = reverse("admin:spool_live_site_change", args=[site.pk])
    assert "up to date" in admin_client.get(change).content.decode()
    delete = reverse("admin:spool_live_site_delete", args=[site.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 302
    assert not Site.objects.filter(pk=site.pk).exists()
    event = ApiKeyEvent.objects.order_by("-id")[0]
    assert (event.action, event.key_id, event.actor_name) == ("deleted", key.pk, "admin")
    line = OperatorEvent.objects.get()
    assert (line.action, line.subject, line.actor_name) == ("site_deleted", "Herald", "admin")
    trail = admin_client.get(reverse("admin:spool_live_operatorevent_changelist"))
    assert "Herald" in trail.content.decode()


def test_who_may_not_make_keys_is_not_led_to_one(staff: Callable[..., Client]) -> None:
    client = staff("add_site", "view_site")
    answer = client.post(reverse("admin:spool_live_site_add"), {"name": "Herald"})
    assert answer["Location"] == reverse(LIST)


def change_page(client: Client, site: Site) -> str:
    answer = client.get(reverse("admin:spool_live_site_change", args=[site.pk]))
    return html.unescape(answer.content.decode())


def test_page_says_how_the_site_is_doing(admin_client: Client, make_key: MakeKey) -> None:
    key, _ = make_key(name="shop window")
    text = change_page(admin_client, key.site)
    for sentence in ("</strong>: up to date", "Nothing waits.", "None within the history."):
        assert sentence in text
    moment = timezone.now()
    addresses.write_addresses(
        {
            (key.pk, key.site_id, "192.0.2.1"): (moment, moment),
            (key.pk, key.site_id, "192.0.2.2"): (moment, moment),
            (key.pk, key.site_id, "192.0.2.3"): (moment, None),
        }
    )
    waiting(key.site, 2, slug="first")
    text = change_page(admin_client, key.site)
    assert "shop window" in text
    assert re.search(r"\d+ s ago, from 2 addresses", text)
    assert re.search(r"2 updates wait, the oldest recorded \d+ s ago\.", text)
    deliver_pending("default", broadcaster=MemoryBroadcaster())
    OutboxEntry.objects.filter(seq=1).update(state="dead", last_error="22P05: no")
    kept.forget()
    text = change_page(admin_client, key.site)
    assert re.search(r"articles/first, number 2, at [\d:]+: \d+\.\d s after", text)
    assert '<strong class="spool-state-failing">failing</strong>' in text
    assert "Dead updates: 1" in text


@pytest.mark.parametrize("model", ["outboxentry", "liveupdate", "apikeyevent", "outboxevent"])
def test_page_leads_to_what_is_kept_of_the_site(
    admin_client: Client, make_key: MakeKey, model: str
) -> None:
    key, _ = make_key()
    make_key(Site.objects.create(name="Herald"))
    url = f"{reverse(f'admin:spool_live_{model}_changelist')}?site={key.site_id}"
    assert f'"{url}"' in change_page(admin_client, key.site)
    answer = admin_client.get(url)
    assert {row.site_id for row in answer.context["cl"].result_list} <= {key.site_id}
    assert answer.context["cl"].has_active_filters


def test_page_shows_of_others_only_what_the_user_may_view(
    staff: Callable[..., Client], make_key: MakeKey
) -> None:
    key, _ = make_key(name="shop window")
    text = change_page(staff("view_site"), key.site)
    assert "up to date" in text
    assert "shop window" not in text
    assert f"?site={key.site_id}" not in text


def test_site_without_a_key_says_so(admin_client: Client) -> None:
    site = Site.objects.create(name="Herald")
    assert "no front end can follow this site" in change_page(admin_client, site)


def test_name_does_not_clash_with_those_of_django(admin_client: Client) -> None:
    assert "Live sites" in admin_client.get(reverse("admin:index")).content.decode()
