"""Misconfigurations: how each is made, which check finds it, and what it reports."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt
from celery import Celery
from django.db import router
from django.utils import timezone

from spool_live import LiveUpdateData, broadcast_update, heartbeats, keys
from spool_live.collections import registry
from spool_live.doctor import Surroundings, project
from spool_live.heartbeats import Part
from spool_live.local.processes import free_port
from spool_live.models import FailedAuthentication, Heartbeat, OutboxEntry, Site, SiteDelivery
from spool_live.outbox import circuit
from spool_live.supabase.databases import content_databases
from spool_live.updates import EventType
from tests.doctor.conftest import World
from tests.test_checks import EC_PEM

PORTAL = "<html><title>Hotel Wi-Fi</title>Please accept our terms.</html>"


@dataclass(frozen=True)
class Seed:
    """One misconfiguration. ``cause`` and ``remedy`` are parts of what must be reported."""

    name: str
    check: str
    cause: Sequence[str]
    remedy: str
    sow: Callable[[World], None]


SEEDS: list[Seed] = []


def seed(
    name: str, check: str, cause: str | Sequence[str], remedy: str
) -> Callable[[Callable[[World], None]], Callable[[World], None]]:
    """Adds the decorated function to the table."""
    parts = [cause] if isinstance(cause, str) else cause

    def add(sow: Callable[[World], None]) -> Callable[[World], None]:
        SEEDS.append(Seed(name, check, parts, remedy, sow))
        return sow

    return add


def setting(name: str, check: str, cause: str | Sequence[str], remedy: str, **given: Any) -> None:
    """A seed that is a key of ``SPOOL_LIVE``."""
    seed(name, check, cause, remedy)(lambda world: world.live(**given))


def legacy(**claims: Any) -> str:
    """An API key of the old generation."""
    return jwt.encode({"iss": "supabase", **claims}, "x" * 40, algorithm="HS256")


HOSTED = {"SUPABASE_URL": "https://abcdefgh.supabase.co"}
OTHERS_KEY = legacy(role="service_role", ref="zyxwvuts", exp=int(time.time()) + 3600)
EXPIRED_KEY = legacy(role="anon", ref="abcdefgh", exp=int(time.time()) - 3600)

# Settings

setting("unknown key", "settings", "no key 'SUPABASE_URI'", "reference/settings", SUPABASE_URI="x")
setting(
    "alias that is not there",
    "settings",
    "'nowhere' is not in DATABASES",
    "Add the alias",
    SUPABASE_DATABASE="nowhere",
)
setting(
    "secret key published",
    "settings",
    ["SUPABASE_PUBLISHABLE_KEY", "secret key"],
    "rotate the secret one",
    SUPABASE_PUBLISHABLE_KEY="sb_secret_hunter2hunter2",
)
setting(
    "publishable key in the secret one's place",
    "settings",
    ["SUPABASE_SECRET_KEY", "may not write"],
    "legacy service_role",
    SUPABASE_SECRET_KEY="sb_publishable_x",
)
setting(
    "address of the dashboard",
    "settings",
    "address of the dashboard",
    "https://<project>.supabase.co",
    SUPABASE_URL="https://supabase.com/dashboard/project/abcdefgh",
)
setting(
    "address of the database",
    "settings",
    "address of the database",
    "https://<project>.supabase.co",
    SUPABASE_URL="https://db.abcdefgh.supabase.co:5432",
)
setting(
    "address of one service",
    "settings",
    "ends with /rest/v1",
    "https://<project>.supabase.co",
    SUPABASE_URL="https://abcdefgh.supabase.co/rest/v1/",
)
setting(
    "secret key over http",
    "settings",
    "unencrypted",
    "https://",
    SUPABASE_URL="http://supabase.example.org",
)
setting(
    "key of another project",
    "settings",
    ["project zyxwvuts", "that of abcdefgh"],
    "API keys",
    SUPABASE_SECRET_KEY=OTHERS_KEY,
    **HOSTED,
)
setting(
    "expired key of the old generation",
    "settings",
    ["SUPABASE_PUBLISHABLE_KEY", "has expired"],
    "clock",
    SUPABASE_PUBLISHABLE_KEY=EXPIRED_KEY,
    **HOSTED,
)
setting(
    "JWT secret in a key's place",
    "settings",
    ["SUPABASE_SECRET_KEY", "does not look like an API key"],
    "JWT_SIGNING_KEY",
    SUPABASE_SECRET_KEY="super-secret-jwt-token-with-at-least-32-characters",
)
setting(
    "short signing secret",
    "settings",
    ["JWT_SIGNING_KEY", "shorter than 32 bytes"],
    "JWT settings",
    JWT_SIGNING_KEY="guessme",
)
setting(
    "ES256 without kid",
    "settings",
    "JWT_KEY_ID",
    "kid of the project's signing key",
    JWT_ALGORITHM="ES256",
    JWT_SIGNING_KEY=EC_PEM,
)
setting(
    "no signing key",
    "delivery_keys",
    ["JWT_SIGNING_KEY", "wait"],
    "environment",
    JWT_SIGNING_KEY="",
)


@seed("no time zones", "settings", "USE_TZ is False", "USE_TZ = True")
def no_time_zones(world: World) -> None:
    world.settings.USE_TZ = False


@seed("no Celery app", "settings", "No Celery app is loaded", "__init__.py")
def no_celery(world: World) -> None:
    world.monkeypatch.setattr("spool_live.checks.project.current_app", Celery("default"))
    world.live(NUDGE=True)


@seed("Supabase database is SQLite", "settings", "not PostgreSQL", "SUPABASE_DATABASE")
def sqlite_supabase(world: World) -> None:
    world.real(SUPABASE_DATABASE="other")


# The Supabase database


@seed("grant taken away", "setup", "not as live_setup makes it: API roles", "live_setup")
def no_grant(world: World) -> None:
    world.sql("revoke select on public.live_updates from authenticated")


@seed("out of the publication", "setup", "not as live_setup makes it: publication", "live_setup")
def no_publication(world: World) -> None:
    world.sql("alter publication supabase_realtime drop table public.live_updates")


@seed("policy on topics dropped", "setup", "Realtime policy", "live_setup")
def no_topic_policy(world: World) -> None:
    world.sql("drop policy spool_live_join_own_site on realtime.messages")


@seed("policy that lets everybody read", "isolation", "live_updates_read_own_site", "live_setup")
def open_policy(world: World) -> None:
    world.sql("alter policy live_updates_read_own_site on public.live_updates using (true)")


@seed("table of the project open to the API", "isolation", "public.payroll", "revoke")
def exposed_table(world: World) -> None:
    world.sql("create table public.payroll (id int)", "grant select on public.payroll to anon")


@seed("cleanup never runs", "cleanup", "never run", "BEAT_SCHEDULE")
def no_cleanup(world: World) -> None:
    forget(Part.CLEANUP)


@seed("alerts go nowhere", "alerts", "go to the log only", "ALERT_EMAILS")
def no_alerts(world: World) -> None:
    world.live(ALERT_EMAILS=[])


@seed("alert rules are not evaluated", "alerts", "never been evaluated", "live_alerts")
def no_evaluation(world: World) -> None:
    forget(Part.ALERTS)


# Registrations


@seed("nothing registered", "registrations", "No model is registered", "live.py")
def nothing_registered(world: World) -> None:
    world.monkeypatch.setattr(project, "registry", [])


@seed("content where no outbox is", "registrations", "no outbox", "migrate --database other")
def content_elsewhere(world: World) -> None:
    world.monkeypatch.setattr(router, "db_for_write", lambda model, **hints: "other")
    world.monkeypatch.setattr(project, "registry", [next(iter(registry))])
    world.monkeypatch.setattr(Surroundings, "content_aliases", lambda self: ["default"])


setting(
    "one site that is not there",
    "registrations",
    "'Nowhere Gazette' is not a site",
    "live_site create",
    SITE="Nowhere Gazette",
)


# Delivery


@seed("no worker", "deliverer", "nothing has ever delivered", "Is a Celery worker running")
def no_worker(world: World) -> None:
    forget(*Part)
    record()


@seed("no beat", "deliverer", "sweep has never run", "beat")
def no_beat(world: World) -> None:
    forget(Part.SWEEP)
    long_ago = timezone.now() - timedelta(hours=1)
    Heartbeat.objects.filter(pk=Part.WORKER).update(active_since=long_ago)
    record()


@seed("no broker", "deliverer", "broker does not take nudges", "CELERY_BROKER_URL")
def no_broker(world: World) -> None:
    app = Celery("project", broker=f"redis://127.0.0.1:{free_port()}/0")
    world.monkeypatch.setattr("spool_live.status.probing.current_app", app)
    world.live(NUDGE=True)


@seed(
    "Supabase away", "deliverer", ["Supabase does not answer", "connection refused"], "SUPABASE_URL"
)
def supabase_away(world: World) -> None:
    until = timezone.now() + timedelta(seconds=30)
    circuit.trip("default", "connection refused", failures=3, until=until)


@seed("dead entries", "dead", ["2 updates of Ledger", "value too long"], "live_requeue")
def dead_entries(world: World) -> None:
    record(2)
    OutboxEntry.objects.update(state="dead", last_error="value too long")


@seed("mirror refused", "mirror", ["Supabase refuses", "permission denied"], "live_setup")
def mirror_refused(world: World) -> None:
    site = Site.objects.create(name="Ledger")
    SiteDelivery.objects.create(site_id=site.pk, mirror_error="42501: permission denied")


@seed("replaced Supabase database", "mirror", "forgotten 1 site", "--mirror-all")
def forgotten(world: World) -> None:
    site = Site.objects.create(name="Ledger")
    SiteDelivery.objects.create(site_id=site.pk, acknowledged_version=7)
    world.real()


# Supabase's services


@seed("wrong address", "rest", "nothing listens there", "whether Supabase is running")
def nothing_listens(world: World) -> None:
    world.real(SUPABASE_URL=f"http://127.0.0.1:{free_port()}")


@seed("portal in between", "rest", "is not PostgREST", "Check the address")
def portal(world: World) -> None:
    world.real(SUPABASE_URL=world.answering(200, PORTAL))


@seed("wrong secret key", "rest", "Invalid API key", "SUPABASE_SECRET_KEY")
def wrong_secret_key(world: World) -> None:
    world.real(SUPABASE_SECRET_KEY="sb_secret_of_somebody_else")


@seed("paused project", "rest", "paused", "Restore it")
def paused(world: World) -> None:
    world.real(SUPABASE_URL=world.answering(540, "Project paused"))


@seed("clock ahead", "clock", ["s ahead of", "not valid yet"], "NTP")
def clock_ahead(world: World) -> None:
    world.live(SUPABASE_URL=world.answering(200, "[]", ahead=-90))


@seed("clock behind", "clock", ["s behind", "expired sooner"], "NTP")
def clock_behind(world: World) -> None:
    world.live(SUPABASE_URL=world.answering(200, "[]", ahead=12))


@seed("wrong publishable key", "token", "refuses the publishable key", "PUBLISHABLE_KEY")
def wrong_publishable_key(world: World) -> None:
    world.live(SUPABASE_PUBLISHABLE_KEY="sb_publishable_of_somebody_else")


@seed("signing key of another project", "token", "signature of our token", "JWT_SIGNING_KEY")
def wrong_signing_key(world: World) -> None:
    world.live(JWT_SIGNING_KEY="k" * 40)


@seed("the same on Realtime", "realtime", "signature of our token", "JWT_SIGNING_KEY")
def wrong_signing_key_on_realtime(world: World) -> None:
    world.live(JWT_SIGNING_KEY="k" * 40)


@seed("schema not exposed", "token", "does not serve the schema public", "Expose the schema")
def schema_not_exposed(world: World) -> None:
    body = '{"code": "PGRST106", "message": "The schema must be one of the following: api"}'
    world.live(SUPABASE_URL=world.answering(406, body))


@seed("no Realtime", "realtime", "Realtime cannot be reached", "WebSockets")
def no_realtime(world: World) -> None:
    world.live(SUPABASE_URL=f"http://127.0.0.1:{free_port()}")


# Clients


@seed("urls not mounted", "urls", "not mounted", "urlpatterns")
def not_mounted(world: World) -> None:
    world.settings.ROOT_URLCONF = "django.contrib.auth.urls"


@seed("no site", "sites", "no site yet", "live_site create")
def no_site(world: World) -> None:
    Site.objects.all().delete()


@seed("no key", "sites", "neither revoked nor expired", "live_site add-key")
def no_key(world: World) -> None:
    site = Site.objects.create(name="Ledger")
    key, _ = keys.create_key(site, name="front end")
    keys.revoke_key(key)


@seed("key that Supabase does not know", "sites", "not acknowledged", "live_deliver")
def unknown_key(world: World) -> None:
    site = Site.objects.create(name="Ledger")
    SiteDelivery.objects.create(site_id=site.pk)
    keys.create_key(site, name="front end")


@seed("API elsewhere", "api", "no API at", "--api-url")
def api_elsewhere(world: World) -> None:
    world.surroundings.api_url = world.answering(404, "")


@seed("API that redirects", "api", "redirects", "final address")
def api_redirects(world: World) -> None:
    headers = {"Location": "https://cms.example/"}
    world.surroundings.api_url = world.answering(301, "", headers=headers)


@seed("header dropped on the way", "api", "Authorization header", "WSGIPassAuthorization")
def header_dropped(world: World) -> None:
    body = '{"detail": "Who are you?", "code": "not_authenticated"}'
    world.surroundings.api_url = world.answering(401, body)


@seed("host not allowed", "api", "refuses the host", "ALLOWED_HOSTS")
def host_not_allowed(world: World) -> None:
    world.surroundings.api_url = world.answering(400, "Bad Request")


# Rollout


@seed("DEBUG", "production", "DEBUG is on", "DEBUG = False")
def debug(world: World) -> None:
    world.settings.DEBUG = True


@seed("Supabase on this machine", "production", "leads to this machine", "can reach")
def on_this_machine(world: World) -> None:
    world.live(SUPABASE_URL="http://127.0.0.1:54321")


@seed("cache of each process", "cache", "each process counts for itself", "Redis")
def cache_of_each_process(world: World) -> None:
    backend = "django.core.cache.backends.locmem.LocMemCache"
    world.settings.CACHES = {"default": {"BACKEND": backend}}


@seed("dead cache", "cache", "does not answer", "LOCATION")
def dead_cache(world: World) -> None:
    backend = "django.core.cache.backends.redis.RedisCache"
    location = f"redis://127.0.0.1:{free_port()}/0"
    world.settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": location}}


@seed("proxy that is not counted", "proxies", "TRUSTED_PROXIES is 0", "TRUSTED_PROXIES")
def uncounted_proxy(world: World) -> None:
    world.settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


@seed("all failures from one inside", "proxies", "10.1.2.3", "TRUSTED_PROXIES")
def failures_from_inside(world: World) -> None:
    now = timezone.now()
    FailedAuthentication.objects.create(
        hour=now, address="10.1.2.3", reason="unknown", count=9, last_at=now
    )


@seed("never proved end to end", "proofs", "verify_live has never succeeded", "verify_live")
def never_proved(world: World) -> None:
    forget(Part.VERIFY_LIVE)


@seed("isolation found broken", "proofs", "not isolated", "verify_rls")
def found_broken(world: World) -> None:
    heartbeats.failed("default", Part.VERIFY_RLS, "1 error")


@seed("no metrics", "monitoring", "METRICS_TOKEN", "environment")
def no_metrics(world: World) -> None:
    world.live(METRICS_TOKEN="")


def forget(*parts: Part) -> None:
    """Forget everything about these parts."""
    for using in content_databases():
        Heartbeat.objects.using(using).filter(pk__in=parts).delete()


def record(number: int = 1) -> Site:
    """A site with updates that wait."""
    site = Site.objects.create(name="Ledger")
    for _ in range(number):
        broadcast_update(site, LiveUpdateData(EventType.UPDATED, "articles", uuid.uuid4()))
    return site
