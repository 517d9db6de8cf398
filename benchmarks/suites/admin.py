"""The pages of the admin above 100,000 outbox entries and a million live updates, in process."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.test import override_settings
from django.urls import clear_url_caches

from benchmarks.figures import Figure, over_rounds
from benchmarks.rig import Rig
from spool_live import keys
from spool_live.models import OutboxEntry, Site, SiteApiKey

if TYPE_CHECKING:
    from django.test import Client

ROUNDS = 7
GOAL = 300.0
"""Milliseconds that a page may take."""
SITES = 100
AS_A_PROJECT = {
    "ROOT_URLCONF": "benchmarks.admin_urls",
    "STATIC_URL": "/static/",
    "MIDDLEWARE": [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    "TEMPLATES": [
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
    ],
}
ENTRIES = """
insert into live_updates_outbox
    (update_id, site_id, event_type, collection, item_id, slug, timestamp, metadata,
     state, seq, attempts, last_error, settled_at)
select gen_random_uuid(), (%(sites)s::uuid[])[1 + n %% %(count)s], 'content.updated', 'articles',
       gen_random_uuid(), 'item-' || n, now() - interval '1 hour', '{"title": "A title"}',
       case when n %% 50 = 0 then 'dead' else 'delivered' end, n, 1,
       case when n %% 50 = 0 then '23514: a value is not allowed' else '' end, now()
from generate_series(1, %(rows)s) n
"""
UPDATES = """
insert into public.live_updates
    (id, site_id, event_type, collection, item_id, slug, "timestamp", metadata, seq, inserted_at)
select gen_random_uuid(), (%(sites)s::uuid[])[1 + n %% %(count)s], 'content.updated', 'articles',
       gen_random_uuid(), 'item-' || n, now(), '{"title": "A title"}', n,
       now() - (%(rows)s - n) * interval '3 ms'
from generate_series(1, %(rows)s) n
"""


def run(rig: Rig) -> list[Figure]:
    """One figure for each page, as a superuser sees it."""
    sites = _fill(rig)
    with _signed_in() as client:
        return [
            Figure(f"admin: {name}", over_rounds(_asked(client, url)), "ms", GOAL)
            for name, url in _pages(sites[0]).items()
        ]


def _pages(site: uuid.UUID) -> dict[str, str]:
    """What people open, by a name for it."""
    key = SiteApiKey.objects.filter(site=site).values_list("pk", flat=True)[0]
    entry = OutboxEntry.objects.filter(state="dead").order_by("-pk").values_list("pk", flat=True)[0]
    return {
        "sites": "site/",
        "a site": f"site/{site}/change/",
        "API keys": "siteapikey/",
        "an API key": f"siteapikey/{key}/change/",
        "the outbox": "outboxentry/",
        "the outbox, last page": "outboxentry/?p=200",
        "the outbox, dead entries": "outboxentry/?state__exact=dead",
        "the outbox, one site": f"outboxentry/?site={site}",
        "the outbox, a word": "outboxentry/?q=item-4711",
        "the outbox, the name of a site": "outboxentry/?q=Site+7",
        "the outbox, nothing found": "outboxentry/?collection=pages",
        "an outbox entry": f"outboxentry/{entry}/change/",
        "live updates": "liveupdate/",
        "live updates, one site": f"liveupdate/?site={site}",
        "key events": "apikeyevent/",
        "failed authentications": "failedauthentication/",
    }


def _fill(rig: Rig) -> list[uuid.UUID]:
    count = rig.times(SITES, 10)
    sites = Site.objects.bulk_create([Site(name=f"Site {number}") for number in range(count)])
    for site in sites:
        keys.create_key(site, name="front end")
    given: dict[str, Any] = {"sites": [site.pk for site in sites], "count": count}
    with connection.cursor() as cursor:
        cursor.execute(ENTRIES, {**given, "rows": rig.times(100_000, 500)})
        cursor.execute("alter table public.live_updates disable trigger user")
        cursor.execute(UPDATES, {**given, "rows": rig.times(1_000_000, 500)})
        cursor.execute("alter table public.live_updates enable trigger user")
        cursor.execute("vacuum analyze live_updates_outbox")
        cursor.execute("vacuum analyze public.live_updates")
    return [site.pk for site in sites]


@contextmanager
def _signed_in() -> Iterator[Client]:
    """Somebody who may do everything, in a project that serves the admin."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    users: Any = get_user_model().objects
    with override_settings(**AS_A_PROJECT):
        clear_url_caches()
        user = users.filter(username="bench").first() or users.create_superuser("bench")
        client = Client()
        client.force_login(user)
        yield client
        user.delete()
    clear_url_caches()


def _asked(client: Client, url: str) -> list[float]:
    found = []
    for number in range(ROUNDS + 1):
        started = time.perf_counter()
        response = client.get(f"/admin/spool_live/{url}")
        took = 1000 * (time.perf_counter() - started)
        assert response.status_code == 200, (url, response.status_code)
        if number:  # the first one compiles templates
            found.append(took)
    return found
