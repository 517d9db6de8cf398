"""API keys in the admin: shown once, rotated with an overlap, revoked permanently."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.http import HttpResponseRedirect
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from spool_live import keys
from spool_live.admin import key_state
from spool_live.admin.connecting import connection_of
from spool_live.keys import KEY_PATTERN, PlainKey, addresses
from spool_live.models import ApiKeyEvent, ApiKeyUse, Site, SiteApiKey, SiteMirror
from tests.keys.lookup import find_key

pytestmark = pytest.mark.django_db
MakeKey = Callable[..., tuple[SiteApiKey, PlainKey]]
LIST = "admin:spool_live_siteapikey_changelist"
ADD = "admin:spool_live_siteapikey_add"
FORM = {"name": "web", "note": "", "expires_at_0": "", "expires_at_1": ""}


def shown_key(client: Client, answer: Any) -> str:
    """The key that the page after a POST shows, which must be one and only one."""
    assert answer.status_code == 302
    found = set(re.findall(KEY_PATTERN, client.get(answer["Location"]).content.decode()))
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
    plain = shown_key(admin_client, answer)
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


def test_page_of_a_new_key_has_what_the_site_team_needs(admin_client: Client) -> None:
    site = Site.objects.create(name="Ledger")
    answer = admin_client.post(reverse(ADD), {**FORM, "site": site.pk})
    shown = admin_client.get(answer["Location"], headers={"host": "testserver"})
    assert "no-store" in shown["Cache-Control"]
    connection = shown.context["connection"]
    lines = dict(line.split("=", 1) for line in connection.env.splitlines())
    assert lines == {
        "SPOOL_API_URL": "http://testserver/spool-live/",
        "SPOOL_SITE_ID": str(site.pk),
        "SPOOL_API_KEY": str(shown.context["plain"]),
    }
    text = html.unescape(shown.content.decode())
    for part in (connection.env, connection.python, connection.javascript):
        assert part in text
    assert str(shown.context["plain"]) not in repr(connection)


def test_process_that_does_not_serve_the_api_says_so(
    rf: RequestFactory, make_key: MakeKey, settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.admin.urls_without_api"
    key, plain = make_key()
    connection = connection_of(rf.get("/"), key, plain)
    assert connection.api_url == ""
    assert "SPOOL_API_URL=https://cms.example.org/spool-live/" in connection.env


def test_reload_makes_and_shows_nothing_again(admin_client: Client) -> None:
    site = Site.objects.create(name="Ledger")
    answer = admin_client.post(reverse(ADD), {**FORM, "site": site.pk})
    plain = shown_key(admin_client, answer)
    again = admin_client.get(answer["Location"])
    assert plain not in again.content.decode()
    assert "was shown once" in again.content.decode()
    assert "no-store" in again["Cache-Control"]
    assert SiteApiKey.objects.count() == 1


def test_session_holds_the_key_sealed_and_for_a_while(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site.objects.create(name="Ledger")
    answer = admin_client.post(reverse(ADD), {**FORM, "site": site.pk})
    held = json.dumps(dict(admin_client.session.items()))
    assert "1." in held
    assert not re.search(KEY_PATTERN, held)
    now = time.time()
    monkeypatch.setattr("spool_live.admin.shown_once.time.time", lambda: now + 601)
    assert "was shown once" in admin_client.get(answer["Location"]).content.decode()


def test_nobody_else_is_shown_the_key(admin_client: Client, staff: Callable[..., Client]) -> None:
    site = Site.objects.create(name="Ledger")
    url = admin_client.post(reverse(ADD), {**FORM, "site": site.pk})["Location"]
    other = staff("view_siteapikey").get(url)
    assert "was shown once" in other.content.decode()
    assert not re.search(KEY_PATTERN, other.content.decode())
    assert Client().get(url).status_code == 302
    assert shown_key(admin_client, HttpResponseRedirect(url))


def test_adding_another_or_going_on_shows_the_key_too(admin_client: Client) -> None:
    site = Site.objects.create(name="Ledger")
    for button in ("_addanother", "_continue", "_save"):
        answer = admin_client.post(reverse(ADD), {**FORM, "site": site.pk, button: "1"})
        assert find_key(shown_key(admin_client, answer)) is not None


def test_who_may_only_make_keys_is_shown_what_they_made(staff: Callable[..., Client]) -> None:
    site = Site.objects.create(name="Ledger")
    client = staff("add_siteapikey")
    answer = client.post(reverse(ADD), {**FORM, "site": site.pk})
    shown = client.get(answer["Location"])
    assert find_key(str(shown.context["plain"])) is not None
    assert shown.context["next_url"] == reverse("admin:index")


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


def act(client: Client, *chosen: SiteApiKey, **more: str) -> Any:
    data = {"action": "revoke_selected", "_selected_action": [key.pk for key in chosen], **more}
    return client.post(reverse(LIST), data, follow=True)


def test_revoking_from_the_list_asks_and_takes_the_right_for_good(
    admin_client: Client, make_key: MakeKey
) -> None:
    key, plain = make_key()
    other, _ = make_key(key.site)
    asked = act(admin_client, key).content.decode()
    assert f'value="{key.pk}"' in asked
    assert "It was never used. 1 other key of Ledger stays valid." in asked
    assert find_key(plain) is not None, "nothing is done before it is confirmed"
    answer = act(admin_client, key, confirmed="yes")
    assert "1 API key was revoked." in answer.content.decode()
    assert find_key(plain) is None
    other.refresh_from_db()
    assert other.revoked_at is None
    event = ApiKeyEvent.objects.order_by("-id")[0]
    assert (event.action, event.prefix, event.actor_name) == ("revoked", key.prefix, "admin")
    assert "already revoked" in act(admin_client, key).content.decode()


def test_revoking_on_the_page_of_the_key_says_what_it_will_do(
    admin_client: Client, make_key: MakeKey
) -> None:
    key, plain = make_key()
    for address, minutes in (("192.0.2.1", 1), ("192.0.2.2", 9), ("192.0.2.3", 11)):
        moment = timezone.now() - timedelta(minutes=minutes)
        addresses.write_addresses({(key.pk, key.site_id, address): (moment, None)})
    url = reverse("admin:spool_live_siteapikey_revoke", args=[key.pk])
    assert f'href="{url}"' in page(admin_client, "admin:spool_live_siteapikey_change", key.pk)
    asked = page(admin_client, "admin:spool_live_siteapikey_revoke", key.pk)
    assert "Used by 2 addresses in the last ten minutes: 192.0.2.1, 192.0.2.2." in asked
    assert "It is the last valid key of Ledger" in asked
    assert find_key(plain) is not None
    answer = admin_client.post(url, follow=True).content.decode()
    assert find_key(plain) is None
    assert "was revoked" in answer
    assert url not in answer, "there is nothing more to revoke"
    again = admin_client.post(url, follow=True).content.decode()
    assert "This API key is revoked." in again
    assert ApiKeyEvent.objects.filter(action="revoked").count() == 1


def test_effects_of_many_keys_cost_the_same_queries(
    make_key: MakeKey, django_assert_num_queries: Any
) -> None:
    first, _ = make_key()
    made = [first, *(make_key(first.site)[0] for _ in range(4))]
    with django_assert_num_queries(2):
        effects = key_state.effects_of(made)
    assert {effect.rest[:22] for effect in effects} == {"It is the last valid k"}


def test_sentence_names_a_few_of_many_addresses(make_key: MakeKey) -> None:
    key, _ = make_key()
    now = timezone.now()
    uses = [ApiKeyUse(address=f"192.0.2.{n}", last_at=now) for n in range(100)]
    assert key_state.use_of(key, uses, now) == (
        "Used by 100+ addresses in the last ten minutes: 192.0.2.0, 192.0.2.1, 192.0.2.2, "
        "192.0.2.3, 192.0.2.4 and 95 more."
    )
    key.last_used_at = now - timedelta(hours=3)
    assert "last used 3 h ago" in key_state.use_of(key, [], now)


NOW = datetime(2030, 5, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("word", "fields"),
    [
        ("active", {}),
        ("active", {"expires_at": NOW + timedelta(days=31)}),
        ("expires in 3 days", {"expires_at": NOW + timedelta(days=3, hours=5)}),
        ("expires in 24 h", {"expires_at": NOW + timedelta(hours=24, minutes=3)}),
        ("expired on May 9, 2030", {"expires_at": NOW - timedelta(days=1)}),
        ("revoked on May 9, 2030", {"revoked_at": NOW - timedelta(days=1)}),
    ],
)
def test_state_is_a_word(word: str, fields: dict[str, Any]) -> None:
    assert key_state.state_of(SiteApiKey(**fields), NOW) == word


def test_list_has_the_state_first_and_can_be_filtered_by_it(
    admin_client: Client, make_key: MakeKey
) -> None:
    soon = timezone.now() + timedelta(days=3, minutes=1)
    past = timezone.now() - timedelta(days=1)
    made = {
        "active": make_key(name="one")[0],
        "expiring": make_key(name="two", expires_at=soon)[0],
        "expired": make_key(name="three", expires_at=past)[0],
        "revoked": make_key(name="four")[0],
    }
    keys.revoke_key(made["revoked"])
    text = page(admin_client, LIST)
    assert 'class="field-state">expires in 3 days' in text
    assert text.index("column-state") < text.index("column-name")
    for state, key in made.items():
        found = {row.pk for row in listed(admin_client, state=state)}
        assert found == ({key.pk, made["expiring"].pk} if state == "active" else {key.pk})
    of_site = listed(admin_client, site=str(made["active"].site_id))
    assert [row.pk for row in of_site] == [made["active"].pk]
    assert admin_client.get(reverse(LIST), {"site": "x"}).status_code == 302


def listed(client: Client, **query: str) -> list[SiteApiKey]:
    return list(client.get(reverse(LIST), query).context["cl"].result_list)


def test_key_says_from_where_it_is_used(admin_client: Client, make_key: MakeKey) -> None:
    key, _ = make_key()
    moment = timezone.now()
    addresses.write_addresses({(key.pk, key.site_id, "192.0.2.9"): (moment, moment)})
    text = page(admin_client, "admin:spool_live_siteapikey_change", key.pk)
    assert re.search(r"192\.0\.2\.9: \d+ s ago; asked for a token \d+ s ago", text)


def test_rotation_shows_the_successor_and_keeps_the_overlap(
    admin_client: Client, make_key: MakeKey
) -> None:
    key, plain = make_key()
    url = reverse("admin:spool_live_siteapikey_rotate", args=[key.pk])
    assert f'href="{url}"' in page(admin_client, "admin:spool_live_siteapikey_change", key.pk)
    assert key.prefix in page(admin_client, "admin:spool_live_siteapikey_rotate", key.pk)
    answer = admin_client.post(url, {"overlap_hours": "3"})
    assert len(SiteApiKey.objects.all()) == 2
    fresh = find_key(shown_key(admin_client, answer))
    assert fresh is not None
    assert (fresh.site_id, fresh.created_by.username) == (key.site_id, "admin")
    assert find_key(plain) is not None
    key.refresh_from_db()
    assert key.expires_at is not None
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
    revoke = reverse("admin:spool_live_siteapikey_revoke", args=[key.pk])
    assert client.post(revoke, {"confirmed": "yes"}).status_code == 403
    act(client, key, confirmed="yes")
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
