"""The trail and the failures in the admin: people can read them, and not change them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from spool_live.keys import PlainKey
from spool_live.models import ApiKeyEvent, FailedAuthentication, SiteApiKey
from spool_live.throttling.failures import write_failures

pytestmark = pytest.mark.django_db
MakeKey = Callable[..., tuple[SiteApiKey, PlainKey]]


def test_trail_lists_what_was_done_to_keys(admin_client: Client, make_key: MakeKey) -> None:
    key, _ = make_key()
    url = reverse("admin:spool_live_apikeyevent_changelist")
    text = admin_client.get(url, {"q": key.prefix}).content.decode()
    assert key.prefix in text
    assert key.prefix not in admin_client.get(url, {"q": "nobody"}).content.decode()


def test_failures_are_listed_with_address_and_reason(admin_client: Client) -> None:
    write_failures({("192.0.2.77", "", "unknown"): 12})
    url = reverse("admin:spool_live_failedauthentication_changelist")
    text = admin_client.get(url).content.decode()
    assert "192.0.2.77" in text
    assert "no such key" in text


@pytest.mark.parametrize("model", ["apikeyevent", "failedauthentication"])
def test_nobody_changes_a_record(admin_client: Client, make_key: MakeKey, model: str) -> None:
    make_key()
    write_failures({("192.0.2.77", "", "unknown"): 12})
    record = {"apikeyevent": ApiKeyEvent, "failedauthentication": FailedAuthentication}[model]
    pk = record._default_manager.latest("pk").pk
    base = f"admin:spool_live_{model}"
    assert admin_client.post(reverse(f"{base}_add")).status_code == 403
    assert admin_client.post(reverse(f"{base}_delete", args=[pk])).status_code == 403
    assert admin_client.post(reverse(f"{base}_change", args=[pk]), {}).status_code == 403
    assert admin_client.get(reverse(f"{base}_change", args=[pk])).status_code == 200


def test_failure_leads_to_the_key_and_the_site_that_were_named(
    admin_client: Client, staff: Callable[..., Client], make_key: MakeKey
) -> None:
    key, _ = make_key(name="shop window")
    other, _ = make_key()
    write_failures({("192.0.2.7", key.prefix, "revoked"): 3, ("192.0.2.8", other.prefix, "x"): 1})
    url = reverse("admin:spool_live_failedauthentication_changelist")
    text = admin_client.get(url, {"site": str(key.site_id)}).content.decode()
    of_key = reverse("admin:spool_live_siteapikey_change", args=[key.pk])
    of_site = reverse("admin:spool_live_site_change", args=[key.site_id])
    assert f'<a href="{of_key}">shop window ({key.prefix}…)</a>' in text
    assert f'<a href="{of_site}">Ledger</a>' in text
    assert "192.0.2.8" not in text
    plain = staff("view_failedauthentication").get(url).content.decode()
    assert "shop window" in plain
    assert of_key not in plain
    assert of_site not in plain
