"""Every page of the admin beside 100,000 entries in the outbox and a million live updates (G16)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client, override_settings
from django.urls import reverse

from benchmarks.figures import Figure, Sample, over_rounds
from benchmarks.rig import Rig
from spool_live import keys
from spool_live.delivery import mirror
from spool_live.models import LiveUpdate, OutboxEntry, Site, SiteApiKey, WebhookEndpoint

SITES, KEYS = 100, 500
ROUNDS = 7
GOAL = 300.0
_OUTBOX = """
insert into live_updates_outbox
  (update_id, site_id, event_type, collection, item_id, slug, timestamp, metadata, state, seq,
   attempts, last_error, settled_at)
select gen_random_uuid(), (%(sites)s::uuid[])[1 + n %% %(count)s], 'content.updated', 'stories',
       gen_random_uuid(), 'story-' || n, now() - (n || ' s')::interval,
       jsonb_build_object('title', 'Story ' || n, 'text', repeat('x', 1000)),
       case when n %% 100 = 0 then 'dead' when n %% 10 = 1 then 'pending' else 'delivered' end,
       case when n %% 10 = 1 then null else n end, 1,
       case when n %% 100 = 0 then '22P05: unsupported Unicode escape sequence' else '' end,
       case when n %% 10 = 1 then null else now() - (n || ' s')::interval end
from generate_series(1, %(rows)s) n
"""
_LIVE = """
insert into public.live_updates
  (id, site_id, event_type, collection, slug, item_id, metadata, seq, inserted_at)
select gen_random_uuid(), (%(sites)s::uuid[])[1 + n %% %(count)s], 'content.updated', 'stories',
       'story-' || n, gen_random_uuid(), jsonb_build_object('title', 'Story ' || n), n,
       now() - (n * 3.6 / 1000 || ' s')::interval
from generate_series(1, %(rows)s) n
"""
_SAMPLES = """
insert into live_counter_samples (slot, at, values)
select floor(extract(epoch from now()) / 60) - n, now() - (n || ' min')::interval,
       jsonb_build_object('pending', n, 'dead', 1)
       || (select jsonb_object_agg('spool_live_delivery_seconds_bucket|{"le": "' || b || '"}',
                                   100000 - n * b) from generate_series(1, 12) b)
from generate_series(1, 1440) n
on conflict do nothing
"""
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


def run(rig: Rig) -> list[Figure]:
    """Each page's time is the median of its rounds; the slowest of them has the goal."""
    entries, live = rig.times(100_000, 2_000), rig.times(1_000_000, 20_000)
    site = _fill(entries, live)
    with override_settings(
        MIDDLEWARE=MIDDLEWARE,
        TEMPLATES=TEMPLATES,
        ROOT_URLCONF="benchmarks.admin_urls",
        STATIC_URL="/static/",
    ):
        client = Client()
        client.force_login(_operator())
        found = {name: _timed(client, url) for name, url in _pages(site)}
    slowest = max(found, key=lambda name: found[name].value or 0.0)
    beside = f"{entries:,} entries and {live:,} live updates"
    return [
        Figure("G16 slowest page of the admin", found[slowest], "ms", GOAL),
        *(
            Figure(f"admin beside {beside}: {name}", sample, "ms")
            for name, sample in sorted(found.items(), key=lambda item: -(item[1].value or 0.0))
        ),
    ]


def _fill(entries: int, live: int) -> Site:
    for n in range(SITES):
        Site.objects.create(name=f"Site {n:03d}")
    ids = list(Site.objects.order_by("name").values_list("pk", flat=True))
    for n in range(KEYS):
        keys.create_key(Site.objects.get(pk=ids[n % SITES]), name=f"front end {n}")
    mirror.mirror_pending("default")
    first = Site.objects.get(pk=ids[0])
    WebhookEndpoint.objects.create(site=first, url="https://shop.example/hook")
    with connection.cursor() as cursor:
        given: dict[str, Any] = {"sites": ids, "count": SITES}
        cursor.execute(_OUTBOX, {**given, "rows": entries})
        cursor.execute("alter table public.live_updates disable trigger user")
        cursor.execute(_LIVE, {**given, "rows": live})
        cursor.execute("alter table public.live_updates enable trigger user")
        cursor.execute(_SAMPLES)
        cursor.execute("VACUUM ANALYZE")
    assert OutboxEntry.objects.count() == entries
    assert LiveUpdate.objects.count() == live
    return first


def _operator() -> Any:
    users = get_user_model().objects
    return users.create_superuser(f"operator-{uuid.uuid4().hex[:8]}", password=uuid.uuid4().hex)


def _pages(site: Site) -> Iterator[tuple[str, str]]:
    from django.contrib import admin

    yield "the first page", reverse("admin:index")
    yield "the dashboard, 24 hours", f"{reverse('admin:spool_live_dashboard_changelist')}?hours=24"
    yield "what the dashboard renews", reverse("admin:spool_live_dashboard_now")
    for model in admin.site._registry:  # noqa: SLF001 - Django has no public name for it
        if model._meta.app_label == "spool_live" and not model._meta.proxy:
            yield f"list of {model._meta.verbose_name_plural}", _list(model)
            yield f"list of {model._meta.verbose_name_plural}, searched", f"{_list(model)}?q=001"
    dead = OutboxEntry.objects.filter(state="dead").earliest("pk")
    outbox, live = _list(OutboxEntry), _list(LiveUpdate)
    yield "dead entries", f"{outbox}?state__exact=dead"
    yield "entries that wait", f"{outbox}?state__exact=pending"
    yield "entries of a site", f"{outbox}?site={site.pk}"
    yield "entries by a site's name", f"{outbox}?q=Site+007"
    yield "entries by a slug", f"{outbox}?q=story-4711"
    yield "entries of a collection without any", f"{outbox}?collection=pages"
    yield "entries, page 50", f"{outbox}?p=50"
    yield "live updates of a site", f"{live}?site={site.pk}"
    yield "an entry", _change(dead)
    yield "a site", _change(site)
    yield "a key", _change(SiteApiKey.objects.filter(site=site).earliest("pk"))
    yield "a live update", _change(LiveUpdate.objects.filter(site_id=site.pk).earliest("seq"))
    yield "a webhook endpoint", _change(WebhookEndpoint.objects.get())


def _list(model: Any) -> str:
    return reverse(f"admin:spool_live_{model._meta.model_name}_changelist")


def _change(row: Any) -> str:
    return reverse(f"admin:spool_live_{row._meta.model_name}_change", args=[row.pk])


def _timed(client: Client, url: str) -> Sample:
    from spool_live.status.snapshot import kept

    found = []
    for number in range(ROUNDS + 1):
        kept.forget()  # as for the first visitor
        started = time.perf_counter()
        answer = client.get(url)
        took = (time.perf_counter() - started) * 1000
        assert answer.status_code == 200, (url, answer.status_code)
        if number:  # the first one compiles templates
            found.append(took)
    return over_rounds(found)
