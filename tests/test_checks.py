"""Every misconfiguration has a number, a hint, and a test here."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from celery import Celery
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.checks import CheckMessage
from django.db import connections, models
from django.db.models import Q
from django.utils import timezone

from spool_live import checks
from spool_live.checks import alerts, databases, project
from spool_live.conf import live_settings
from spool_live.supabase.databases import is_supabase_database
from spool_live.supabase.steps import StepOutcome, StepResult
from tests.capture.triggering import declared, on_postgresql
from tests.testapp.models import Article, Note, Snippet, Story

Live = Callable[..., None]
EC_PEM = (
    ec.generate_private_key(ec.SECP256R1())
    .private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    .decode()
)


HOSTED = "https://abcdefgh.supabase.co"


def legacy_key(**claims: Any) -> str:
    """A secret key of the old generation."""
    given = {"iss": "supabase", "role": "service_role", **claims}
    return jwt.encode(given, "x" * 32, algorithm="HS256")


class BrokenBroadcaster:
    """No Broadcaster at all."""


def numbers(messages: list[CheckMessage]) -> set[str]:
    for message in messages:
        assert message.hint, f"{message.id} has no hint"
        assert (message.id or "").startswith("spool_live.")
    return {(message.id or "").removeprefix("spool_live.") for message in messages}


def run() -> set[str]:
    return numbers(checks.check_settings(None))


@pytest.fixture(autouse=True)
def quiet(settings: Any) -> None:
    """Settings without messages."""
    settings.CELERY_DB_REUSE_MAX = 100
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }


def test_good_settings_are_not_talked_about() -> None:
    assert run() == set()


@pytest.mark.parametrize(
    ("number", "keys"),
    [
        pytest.param("E001", {"SUPABASE_URI": "x"}, id="unknown key"),
        pytest.param("E001", {"TOKEN_LIFETIME": "ten"}, id="wrong type"),
        pytest.param("E002", {"SUPABASE_DATABASE": "nowhere"}, id="unknown alias"),
        pytest.param("E004", {"REALTIME_MODE": "smoke"}, id="unknown mode"),
        pytest.param("E004", {"JWT_ALGORITHM": "none"}, id="unknown algorithm"),
        pytest.param("E005", {"BROADCASTER": "no.such.Class"}, id="broadcaster not found"),
        pytest.param("E005", {"BROADCASTER": f"{__name__}.BrokenBroadcaster"}, id="no broadcaster"),
        pytest.param(
            "E006", {"SUPABASE_PUBLISHABLE_KEY": "sb_secret_x"}, id="secret key published"
        ),
        pytest.param("E007", {"SUPABASE_SECRET_KEY": "sb_publishable_x"}, id="keys swapped"),
        pytest.param("E008", {"JWT_SIGNING_KEY": "guessme"}, id="short secret"),
        pytest.param("E008", {"JWT_ALGORITHM": "ES256"}, id="secret for ES256"),
        pytest.param("E009", {"JWT_ALGORITHM": "ES256", "JWT_SIGNING_KEY": EC_PEM}, id="no kid"),
        pytest.param("E011", {"TOKEN_RATE": "often"}, id="no rate"),
        pytest.param("E011", {"ADDRESS_RATE": "0/min"}, id="rate of zero"),
        pytest.param("E012", {"TRUSTED_PROXIES": -1}, id="negative number of proxies"),
        pytest.param("E013", {"THROTTLE_CACHE": "nowhere"}, id="unknown cache"),
        *(
            pytest.param("E016", {"CORS_ALLOWED_ORIGINS": [origin]}, id=f"origin {origin!r}")
            for origin in ("*", "https://a.org/", "a.org", "https://A.org", "")
        ),
        *(
            pytest.param("E017", {key: url}, id=f"{key} {url}")
            for key, url in [
                ("REALTIME_METRICS_URL", "metrics"),
                ("ALERT_HEARTBEAT_URL", "ping"),
                ("ALERT_HEARTBEAT_URL", "https://"),
            ]
        ),
        *(
            pytest.param(
                "E018",
                {"ALERT_WEBHOOK_URL": "https://a.example/", "ALERT_WEBHOOK_SECRET": secret},
                id=f"alert secret {secret!r}",
            )
            for secret in ("", "hush", "whsec_", "whsec_c2hvcnQ=", "whsec_%%%")
        ),
        *(
            pytest.param("E019", {"WEBHOOK_PORTS": [port]}, id=f"port {port!r}")
            for port in ("0", "65536", "https", "9010-9000", "1-", "\u0664\u0664\u0663")
        ),
        pytest.param("E020", {"WEBHOOK_ALLOWED_NETWORKS": ["intranet"]}, id="network by name"),
        pytest.param("E021", {"WEBHOOK_CONCURRENCY": 0}, id="no webhook at a time"),
        pytest.param("E021", {"WEBHOOK_RETRIES": [60, 0]}, id="webhook tried again at once"),
        pytest.param("E022", {"SITES_FOR_USER": "nowhere.at_all"}, id="sites from nowhere"),
        pytest.param("E022", {"SITES_FOR_USER": "django.VERSION"}, id="sites from a tuple"),
        pytest.param("W016", {"WEBHOOK_RETRIES": [7 * 86400]}, id="tried beyond the history"),
        *(
            pytest.param("E023", {"SUPABASE_URL": url}, id=f"address {url!r}")
            for url in (
                "abcdefgh.supabase.co",
                "https://",
                "https://[",
                "https://abcdefgh.supabase.co ",
                "https://supabase.com/dashboard/project/abcdefgh",
                "https://db.abcdefgh.supabase.co",
                "https://aws-0-eu-west-1.pooler.supabase.com:6543",
                "https://abcdefgh.supabase.co/realtime/v1",
                "https://abcdefgh.supabase.co/?apikey=x",
            )
        ),
        pytest.param(
            "E024",
            {"SUPABASE_URL": HOSTED, "SUPABASE_SECRET_KEY": legacy_key(ref="other")},
            id="key of another project",
        ),
        pytest.param("E025", {"SUPABASE_SECRET_KEY": legacy_key(exp=1)}, id="expired key"),
        pytest.param("W018", {"SUPABASE_URL": "http://db.example.org"}, id="keys in the clear"),
        pytest.param("W019", {"SUPABASE_SECRET_KEY": "'sb_secret_x'"}, id="key in quotes"),
        pytest.param("W019", {"SUPABASE_SECRET_KEY": "sb_secret_x\n"}, id="key with its line end"),
        pytest.param("E014", {"DELIVERY_LEASE": 10}, id="lease as short as a request"),
        pytest.param("W003", {"SUPABASE_URL": ""}, id="no URL"),
        pytest.param("W003", {"SUPABASE_SECRET_KEY": ""}, id="no secret key"),
        pytest.param("W004", {"JWT_SIGNING_KEY": ""}, id="no signing key"),
        pytest.param("W006", {"TOKEN_LIFETIME": 86400}, id="tokens of a day"),
        pytest.param("W006", {"TOKEN_LIFETIME": 0}, id="tokens of no time"),
    ],
)
def test_setting_is_reported_alone(live: Live, number: str, keys: dict[str, Any]) -> None:
    live(**keys)
    assert run() == {number}


@pytest.mark.parametrize(
    "keys",
    [
        {"SUPABASE_URL": f"{HOSTED}/"},
        {"SUPABASE_URL": "https://example.org/supabase"},
        {"SUPABASE_URL": "http://kong:8000"},
        {"SUPABASE_URL": "http://10.0.0.7:8000"},
        {"SUPABASE_URL": HOSTED, "SUPABASE_SECRET_KEY": legacy_key(ref="abcdefgh")},
        {"SUPABASE_SECRET_KEY": legacy_key(ref="abcdefgh", exp=4_000_000_000)},
    ],
)
def test_projects_that_are_addressed_right(live: Live, keys: dict[str, Any]) -> None:
    live(**keys)
    assert run() == set()


def test_metrics_without_their_library(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    live(METRICS_TOKEN="m" * 32)
    assert run() == set()
    monkeypatch.setattr(alerts, "find_spec", lambda name: None)
    assert run() == {"W015"}


def test_setting_that_is_no_dict_is_e001(settings: Any) -> None:
    settings.SPOOL_LIVE = ["SUPABASE_URL"]
    assert run() == {"E001"}


def test_secrets_are_in_no_message(live: Live) -> None:
    live(
        JWT_SIGNING_KEY="hunter2-signing",
        SUPABASE_PUBLISHABLE_KEY="sb_secret_hunter2",
        SUPABASE_SECRET_KEY="sb_publishable_hunter2",
    )
    text = " ".join(str(message) for message in checks.check_settings(None))
    assert "E006" in text
    assert "hunter2" not in text


def test_separate_database_without_router_is_e003(live: Live, settings: Any) -> None:
    settings.DATABASE_ROUTERS = []
    live(SUPABASE_DATABASE="supabase" if "supabase" in connections else "other")
    assert "E003" in run()


def test_supabase_database_that_is_no_postgresql_is_w001(live: Live) -> None:
    live(
        SUPABASE_DATABASE="other",
        BROADCASTER="spool_live.broadcasters.supabase.SupabaseBroadcaster",
    )
    assert "W001" in run()


def test_sqlite_without_immediate_transactions_is_w002(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections["other"].settings_dict, "OPTIONS", {})
    assert run() == {"W002"}


def test_project_without_time_zones_is_e010(settings: Any) -> None:
    settings.USE_TZ = False
    assert run() == {"E010"}


def test_celery_that_reconnects_for_every_task_is_w005(settings: Any) -> None:
    settings.CELERY_DB_REUSE_MAX = None
    assert run() == {"W005"}


@pytest.mark.parametrize("backend", ["locmem.LocMemCache", "dummy.DummyCache"])
def test_throttle_without_a_shared_cache_is_w007(settings: Any, backend: str) -> None:
    settings.CACHES = {"default": {"BACKEND": f"django.core.cache.backends.{backend}"}}
    assert run() == {"W007"}
    settings.DEBUG = True
    assert run() == set()


def test_cache_that_does_not_answer_is_w008() -> None:
    assert numbers(checks.check_throttle_cache(None)) == {"W008"}


def test_cache_that_answers_is_not_talked_about(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    assert checks.check_throttle_cache(None) == []


def test_what_the_supabase_database_lacks_is_w010(
    monkeypatch: pytest.MonkeyPatch, live: Live
) -> None:
    lacking = [
        StepResult("publication", StepOutcome.MISSING, "Enable Realtime."),
        StepResult("policy", StepOutcome.MISSING, "Enable Realtime."),
        StepResult("API roles", StepOutcome.MISSING, "Take Supabase's database."),
    ]
    monkeypatch.setattr(databases, "missing", lambda alias: lacking)
    aliases = [alias for alias in connections if is_supabase_database(alias)]
    (found,) = checks.check_provisioning(None, databases=aliases)
    assert numbers([found]) == {"W010"}
    assert "publication, policy, API roles" in found.msg
    assert found.hint == "Enable Realtime.\n\tTake Supabase's database."
    assert checks.check_provisioning(None, databases=["other"]) == []


@pytest.mark.django_db(databases="__all__")
def test_suite_database_lacks_nothing() -> None:
    assert checks.check_provisioning(None, databases=list(connections)) == []


@pytest.mark.django_db(databases="__all__", transaction=True)
def test_what_else_the_api_serves_is_w011() -> None:
    alias = live_settings().supabase_database
    assert checks.check_exposure(None, databases=[alias, "other"]) == []
    with connections[alias].cursor() as cursor:
        cursor.execute("create table public.left_open (id int primary key)")
        cursor.execute("grant select on public.left_open to anon")
        try:
            found = checks.check_exposure(None, databases=[alias])
        finally:
            cursor.execute("drop table public.left_open")
    assert numbers(found) == {"W011"}
    assert "left_open" in found[0].msg
    assert "revoke" in str(found[0].hint)


def test_declaration_that_cannot_be_is_e015() -> None:
    assert checks.check_collections(None) == []
    with declared(Article, published_when=Q(headline="x")):
        found = checks.check_collections(None)
    assert numbers(found) == {"E015"}
    assert "published_when" in found[0].msg


@on_postgresql
@pytest.mark.django_db(databases="__all__")
def test_trigger_that_is_not_installed_is_w012() -> None:
    assert checks.check_triggers(None, databases=list(connections)) == []
    with declared(Article, capture="trigger"):
        found = checks.check_triggers(None, databases=list(connections))
    assert numbers(found) == {"W012"}
    assert "live_triggers --install" in str(found[0].hint)


def test_nudges_without_a_celery_app_are_w013(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    live(NUDGE=True)
    monkeypatch.setattr(project, "current_app", Celery("default", set_as_current=False))
    assert run() == {"W013"}
    monkeypatch.setattr(project, "current_app", Celery("newsroom", set_as_current=False))
    assert run() == set()


def test_site_that_is_lost_with_a_nullable_foreign_key_is_w014(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert checks.check_silent_changes(None) == []
    section = Snippet._meta.get_field("section")
    monkeypatch.setattr(section.remote_field, "on_delete", models.SET_NULL)
    (message,) = checks.check_silent_changes(None)
    assert numbers([message]) == {"W014"}
    assert "section: when a testapp.Section is deleted" in message.msg


@pytest.mark.skipif(not hasattr(models, "DB_CASCADE"), reason="Django 6.1 brings them")
@pytest.mark.parametrize("name", ["DB_CASCADE", "DB_SET_NULL", "DB_SET_DEFAULT"])
def test_cascade_of_the_database_is_w014(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Note._meta.get_field("site")
    monkeypatch.setattr(site.remote_field, "on_delete", getattr(models, name))
    (message,) = checks.check_silent_changes(None)
    assert numbers([message]) == {"W014"}
    assert f"site: {name}" in message.msg
    with declared(Note, capture="trigger"):
        assert checks.check_silent_changes(None) == []


def test_own_cache_tags_are_w017() -> None:
    with declared(Note, metadata_fields={"cache_tags": "text"}):
        (message,) = checks.check_cache_tags(None)
    assert numbers([message]) == {"W017"}


def test_moment_without_an_index_is_w020(monkeypatch: pytest.MonkeyPatch) -> None:
    with declared(Story, published_from="moment"):
        (message,) = checks.check_moments_are_indexed(None)
        assert numbers([message]) == {"W020"}
        monkeypatch.setattr(Story._meta, "indexes", [models.Index(fields=["-moment", "slug"])])
        assert checks.check_moments_are_indexed(None) == []


@pytest.mark.parametrize(
    "body",
    [
        {"is_published": lambda self, item: item.moment <= timezone.now()},
        {"is_visible": lambda self, item: any(d == date.today() for d in (item.day,))},  # noqa: DTZ011
        {"published_when": Q(status="x") & ~Q(moment__gt=datetime(2030, 1, 1, tzinfo=UTC))},
        {"visible_when": Q(day__lte=date(2030, 1, 1))},
    ],
    ids=["now", "today", "moment", "day"],
)
def test_state_that_depends_on_the_clock_is_w021(body: dict[str, Any]) -> None:
    with declared(Story, **body):
        (message,) = checks.check_clocks(None)
    assert numbers([message]) == {"W021"}
    assert next(iter(body)) in message.msg
    with declared(Story, published_from="moment", **body):
        assert checks.check_clocks(None) == []


def test_state_that_does_not_depend_on_the_clock() -> None:
    with declared(Story, published_when=Q(status="x", moment__isnull=False)):
        assert checks.check_clocks(None) == []


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"published_from": "day"}, "published_from"),
        ({"published_until": "gone"}, "published_until"),
        ({"follows": ("title",)}, "follows"),
        ({"published_from": "moment", "capture": "trigger"}, "published_from"),
        ({"follows": ("model_of",), "capture": "trigger"}, "follows"),
        ({"get_locale": lambda self, item: "de", "capture": "trigger"}, "get_locale"),
    ],
)
@on_postgresql
def test_what_cannot_be_declared_is_e015(body: dict[str, Any], name: str) -> None:
    with declared(Story, **body):
        found = checks.check_collections(None)
    assert numbers(found) == {"E015"}
    assert any(name in message.msg for message in found)


@pytest.mark.django_db
def test_site_that_is_not_there_is_w022(live: Live) -> None:
    assert checks.check_site(None, databases=["default"]) == []
    live(SITE="Nowhere")
    assert numbers(checks.check_site(None, databases=["default"])) == {"W022"}


def test_every_number_has_a_test_here() -> None:
    form = re.compile(r"[EW]0\d\d")
    folder = Path(checks.__file__).parent
    source = {n for path in folder.glob("*.py") for n in form.findall(path.read_text("utf-8"))}
    tested = {n.upper() for n in re.findall(r"[ewEW]0\d\d", Path(__file__).read_text("utf-8"))}
    assert source <= tested
