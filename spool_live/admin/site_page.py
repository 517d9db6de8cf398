"""What the page of a site shows: its state, its keys and their use, and links to its rows."""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from spool_live.admin.key_state import state_of
from spool_live.admin.pages import may_view
from spool_live.keys.addresses import LATELY, used_lately
from spool_live.models import OutboxEntry, Site, SiteApiKey
from spool_live.status import SiteStatus
from spool_live.status.states import State, age, clock

_KEYS = 20
"""How many keys the page lists; the list of keys has all of them."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as the page lists it. ``used`` says when it was last used, ``asked`` when a token was
    last asked for and from how many addresses."""

    key: SiteApiKey
    state: str
    used: str
    asked: str


def sentence_of(found: SiteStatus | None) -> tuple[str, str]:
    """Return the state of a site as a word, and a sentence: its worst problem, where it has one.

    The word is empty while the site has no delivery state.
    """
    if found is None:
        return "", gettext("nothing yet")
    if found.problems:
        worst = found.problems[0]
        return worst.state.value, f"{worst.reason} {worst.remedy}"
    if not found.is_mirrored:
        return State.OK.value, gettext("key changes are on their way")
    if found.pending:
        return State.OK.value, gettext("updates are on their way")
    return State.OK.value, gettext("up to date")


def page_of(request: HttpRequest, site: Site, found: SiteStatus | None) -> dict[str, Any]:
    """Return the template context; of other models only what the user may view."""
    now = timezone.now()
    state, sentence = sentence_of(found)
    page: dict[str, Any] = {
        "site_state": state,
        "site_sentence": sentence,
        "lag": _lag(found, now),
        "delivered": _delivered(site, now),
        "links": list(_links(request, site, found)),
    }
    if may_view(request, "siteapikey"):
        keys = SiteApiKey.objects.filter(site=site)
        newest = keys.order_by(F("revoked_at").desc(nulls_first=True), "-created_at")
        rows = list(newest[: _KEYS + 1])
        page |= {"site_keys": _key_rows(rows[:_KEYS], now), "has_more_keys": len(rows) > _KEYS}
    return page


def _lag(found: SiteStatus | None, now: datetime) -> str:
    if found is None or not found.pending or found.oldest is None:
        return gettext("Nothing waits.")
    text = ngettext(
        "%(number)d update waits, recorded %(age)s ago.",
        "%(number)d updates wait, the oldest recorded %(age)s ago.",
        found.pending,
    )
    return text % {"number": found.pending, "age": age(now - found.oldest)}


def _delivered(site: Site, now: datetime) -> str:
    entries = OutboxEntry.objects.filter(
        site_id=site.pk, seq__isnull=False, state=OutboxEntry.State.DELIVERED
    )
    last = entries.defer("metadata").order_by("-seq").first()
    if last is None or last.settled_at is None:
        return gettext("None within the history.")
    took = last.settled_at - last.timestamp
    duration = f"{took.total_seconds():.1f} s" if took < timedelta(minutes=2) else age(took)
    text = gettext("%(what)s, number %(seq)d, at %(at)s: %(took)s after it was recorded.")
    at = clock(last.settled_at, now)
    return text % {"what": last, "seq": last.seq, "at": at, "took": duration}


def _key_rows(keys: list[SiteApiKey], now: datetime) -> list[KeyRow]:
    asked: dict[uuid.UUID, list[datetime]] = defaultdict(list)
    for use in used_lately(now).filter(
        key_id__in=[key.pk for key in keys], last_token_at__gt=now - LATELY
    ):
        asked[use.key_id].append(use.last_token_at or now)
    never, ago = gettext("never"), gettext("%s ago")
    return [
        KeyRow(
            key,
            state_of(key, now),
            ago % age(now - key.last_used_at) if key.last_used_at else never,
            _asked(asked[key.pk], now),
        )
        for key in keys
    ]


def _asked(moments: list[datetime], now: datetime) -> str:
    if not moments:
        return gettext("no")
    text = ngettext(
        "%(age)s ago, from %(number)d address",
        "%(age)s ago, from %(number)d addresses",
        len(moments),
    )
    return text % {"age": age(now - max(moments)), "number": len(moments)}


def _links(request: HttpRequest, site: Site, found: SiteStatus | None) -> Any:
    dead = found.dead if found else 0
    wanted = (
        ("outboxentry", {"site": site.pk}, _("Outbox")),
        ("outboxentry", {"site": site.pk, "state__exact": "dead"}, _("Dead updates: %d")),
        ("liveupdate", {"site": site.pk}, _("Live updates")),
        ("apikeyevent", {"site": site.pk}, _("Key events")),
        ("failedauthentication", {"site": site.pk}, _("Failed authentications")),
        ("webhookendpoint", {"site__id__exact": site.pk}, _("Webhook endpoints")),
        ("outboxevent", {"site": site.pk}, _("Requeued and discarded")),
    )
    for model, query, label in wanted:
        counted = "%d" in str(label)
        if may_view(request, model) and (dead or not counted):
            url = reverse(f"admin:spool_live_{model}_changelist")
            yield (
                f"{url}?{urlencode({name: str(value) for name, value in query.items()})}",
                str(label) % dead if counted else label,
            )
