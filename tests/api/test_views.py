"""The endpoints: what they answer, to whom, and with which code."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
from django.utils import timezone

from spool_live import broadcast_update, delivery, keys, outbox, tokens
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.delivery import mirror
from spool_live.keys import PlainKey
from spool_live.models import Site, SiteApiKey, SiteDelivery
from spool_live.outbox import wanted
from spool_live.updates import EventType, LiveUpdateData
from tests.api.conftest import Call

pytestmark = pytest.mark.django_db
MakeKey = Callable[..., tuple[SiteApiKey, PlainKey]]


def record(site: Site, number: int = 1) -> None:
    for n in range(number):
        update = LiveUpdateData(EventType.UPDATED, "articles", uuid.uuid4(), slug=f"a-{n}")
        broadcast_update(site, update)
    delivery.deliver_pending("default", broadcaster=MemoryBroadcaster())


def test_token_response_is_all_that_a_subscriber_needs(
    make_key: MakeKey, call: Call, settings: Any
) -> None:
    key, plain = make_key()
    record(key.site, 3)
    answer = call("post", "token/", plain)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    body = answer.json()
    claims = jwt.decode(body.pop("token"), options={"verify_signature": False})
    assert claims["site_id"] == str(key.site_id)
    moment = datetime.fromisoformat(body.pop("expires_at"))
    assert abs(moment.timestamp() - claims["exp"]) <= 1
    site = str(key.site_id)
    assert body == {
        "token_type": "Bearer",
        "expires_in": 600,
        "site_id": site,
        "epoch": 1,
        "supabase_url": settings.SPOOL_LIVE["SUPABASE_URL"],
        "supabase_key": settings.SPOOL_LIVE["SUPABASE_PUBLISHABLE_KEY"],
        "realtime": {
            "mode": "broadcast",
            "broadcast": {"topic": f"site:{site}:1", "private": True, "event": "live_updates"},
            "postgres_changes": {
                "topic": f"live_updates:site_id=eq.{site}",
                "schema": "public",
                "table": "live_updates",
                "event": "INSERT",
                "filter": f"site_id=eq.{site}",
            },
        },
        "seq": 3,
    }


def test_token_request_takes_one_query(
    make_key: MakeKey, call: Call, django_assert_num_queries: Any
) -> None:
    _, plain = make_key()
    with django_assert_num_queries(1):
        assert call("post", "token/", plain).status_code == 200


def test_no_claim_is_copied_from_the_request(make_key: MakeKey, call: Call) -> None:
    key, plain = make_key()
    wanted = {"role": "service_role", "site_id": str(uuid.uuid4()), "exp": 1, "lifetime": 9**9}
    body = call(
        "post", "token/?role=service_role", plain, data=wanted, content_type="application/json"
    ).json()
    claims = jwt.decode(body["token"], options={"verify_signature": False})
    assert (claims["role"], claims["site_id"]) == ("authenticated", str(key.site_id))
    assert body["expires_in"] == 600


def test_new_key_is_not_ready_until_supabase_knows_it(make_key: MakeKey, call: Call) -> None:
    _, plain = make_key(ready=False)
    answer = call("post", "token/", plain)
    assert (answer.status_code, answer.json()["code"]) == (503, "key_not_ready")
    assert answer["Retry-After"] == "1"
    mirror.mirror_pending("default", MemoryBroadcaster())
    assert call("post", "token/", plain).status_code == 200


def test_new_key_that_is_asked_for_waits_for_no_other_site(
    make_key: MakeKey, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wanted.wishes, "_start", lambda: None)  # written below, on this connection
    key, plain = make_key(ready=False)
    for number in range(20):
        Site.objects.create(name=f"changed {number}")
    assert call("post", "token/", plain).status_code == 503
    wanted.wishes.write_now()
    assert outbox.next_to_mirror("default", 1) == [key.site_id]


def test_other_keys_of_the_site_keep_their_tokens_while_a_change_is_on_its_way(
    make_key: MakeKey, call: Call
) -> None:
    key, plain = make_key()
    other, _ = make_key(key.site)
    keys.revoke_key(other)
    body = call("post", "token/", plain).json()
    assert body["epoch"] == 1, "the epoch that Supabase has acknowledged, not the coming one"
    mirror.mirror_pending("default", MemoryBroadcaster())
    body = call("post", "token/", plain).json()
    assert body["epoch"] == 2
    assert body["realtime"]["broadcast"]["topic"].endswith(":2")


def bad_credentials(make_key: MakeKey) -> dict[str, tuple[str, bool]]:
    revoked, plain_revoked = make_key()
    revoked_token = tokens.mint(revoked).encoded
    keys.revoke_key(revoked)
    _, plain_expired = make_key(expires_at=timezone.now() - timedelta(minutes=1))
    deleted, plain_deleted = make_key()
    deleted.site.delete()
    key, plain = make_key()
    long_ago = timezone.now() - timedelta(hours=1)
    return {
        "unknown": (keys.with_checksum(f"spool_{'z' * 12}_{'z' * 43}"), False),
        "wrong secret": (keys.with_checksum(f"{key.prefix}_{'z' * 43}"), False),
        "no key at all": ("hello", False),
        "another alphabet": ("clé", False),
        "revoked": (plain_revoked, False),
        "expired": (plain_expired, False),
        "deleted with its site": (plain_deleted, False),
        "upper case": (plain.upper(), False),
        "token as key": (tokens.mint(key).encoded, False),
        "token of a revoked key": (revoked_token, True),
        "expired token": (tokens.mint(key, now=long_ago).encoded, True),
        "key as token": (plain, True),
    }


@pytest.mark.parametrize(("method", "path"), [("get", "updates/"), ("get", "site/")])
def test_every_bad_credential_gets_the_same_answer(
    make_key: MakeKey, call: Call, method: str, path: str
) -> None:
    answers = {
        name: call(method, path, credential, bearer=bearer)
        for name, (credential, bearer) in bad_credentials(make_key).items()
    }
    expected = {
        "detail": "The API key or token is not valid.",
        "code": "invalid_credentials",
    }
    for name, answer in answers.items():
        assert (answer.status_code, answer.json()) == (401, expected), name
        assert answer["WWW-Authenticate"] == 'Api-Key realm="spool-live"'


def test_token_endpoint_takes_no_token(make_key: MakeKey, call: Call) -> None:
    key, _ = make_key()
    answer = call("post", "token/", tokens.mint(key).encoded, bearer=True)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize("path", ["token/", "updates/", "site/"])
def test_without_credentials_nothing_is_told(call: Call, path: str) -> None:
    answer = call("post" if path == "token/" else "get", path)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


def test_admin_session_is_no_subscriber(call: Call, admin_client: Any) -> None:
    assert admin_client.post("/spool-live/token/").status_code == 401


def test_revocation_takes_effect_with_the_next_request(make_key: MakeKey, call: Call) -> None:
    key, plain = make_key()
    token = tokens.mint(key).encoded
    assert call("get", "updates/", token, bearer=True).status_code == 200
    keys.revoke_key(key)
    assert call("post", "token/", plain).status_code == 401
    assert call("get", "updates/", plain).status_code == 401
    assert call("get", "updates/", token, bearer=True).status_code == 401


def test_catch_up_pages_oldest_first_with_key_or_token(make_key: MakeKey, call: Call) -> None:
    key, plain = make_key()
    other, _ = make_key(Site.objects.create(name="Herald"))
    record(key.site, 5)
    record(other.site, 2)
    page = call("get", "updates/?after=1&limit=3", plain).json()
    assert [u["seq"] for u in page["results"]] == [2, 3, 4]
    assert {u["site_id"] for u in page["results"]} == {str(key.site_id)}
    assert (page["status"], page["next"], page["seq"], page["epoch"]) == ("recovered", 4, 5, 1)
    token = tokens.mint(key).encoded
    last = call("get", f"updates/?after={page['next']}", token, bearer=True).json()
    assert [u["seq"] for u in last["results"]] == [5]
    assert last["next"] is None


def test_cursor_that_the_history_does_not_reach_is_a_reset(make_key: MakeKey, call: Call) -> None:
    key, plain = make_key()
    record(key.site, 3)
    ahead = call("get", "updates/?after=4", plain).json()
    assert (ahead["status"], ahead["results"], ahead["next"]) == ("reset", [], None)
    SiteDelivery.objects.filter(pk=key.site_id).update(history_floor=2)
    assert call("get", "updates/?after=1", plain).json()["status"] == "reset"
    assert call("get", "updates/?after=2", plain).json()["status"] == "recovered"


@pytest.mark.parametrize(
    "query", ["after=x", "after=-1", "after=1.5", f"after={2**63}", "limit=0", "limit=1001"]
)
def test_bad_cursor_is_told_by_field(make_key: MakeKey, call: Call, query: str) -> None:
    _, plain = make_key()
    answer = call("get", f"updates/?{query}", plain)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert query.partition("=")[0] in answer.json()["errors"]


def test_site_says_whom_the_key_speaks_for(make_key: MakeKey, call: Call) -> None:
    key, plain = make_key(name="web", expires_at=timezone.now() + timedelta(days=1))
    body = call("get", "site/", plain).json()
    assert body["site_id"] == str(key.site_id)
    assert body["name"] == "Ledger"
    assert body["key"]["prefix"] == key.prefix
    assert key.key_hash not in str(body)
    assert plain[20:] not in str(body)


def test_wrong_method_has_a_code(make_key: MakeKey, call: Call) -> None:
    _, plain = make_key()
    answer = call("get", "token/", plain)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_project_defaults_of_drf_change_nothing(
    make_key: MakeKey, call: Call, settings: Any
) -> None:
    settings.REST_FRAMEWORK = {
        "EXCEPTION_HANDLER": "tests.api.test_views.hostile_handler",
        "DEFAULT_RENDERER_CLASSES": [],
        "DEFAULT_THROTTLE_RATES": {"user": "1/day"},
    }
    _, plain = make_key()
    assert call("post", "token/", plain).status_code == 200
    assert call("post", "token/", "wrong").json()["code"] == "invalid_credentials"


def hostile_handler(error: Exception, context: Any) -> Any:
    raise AssertionError("the project's own handler was asked")
