"""The tiles of the dashboard, each a number with an explanation, and the state of each site."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext, ngettext

from spool_live import counts, samples, status
from spool_live.admin.charts import number
from spool_live.admin.limited import rows_seen
from spool_live.models import CounterSample, DeliveryCircuit, Heartbeat, Site
from spool_live.status.states import Activity, Status, age, clock, connections_of
from spool_live.supabase.databases import content_databases

Part = Heartbeat.Part
NO_VALUE = "-"
MAX_SITES = 50
"""How many sites the page shows, those with problems first. The list of sites has all of them."""
LATELY, HOUR = timedelta(minutes=15), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Tile:
    """A number or a word (``value``), what it measures (``label``), and a remark (``detail``).

    ``mark`` judges the value: ``ok``, ``warning``, ``bad``, or empty. ``url`` leads to the list of
    the rows behind the number; it may be empty.
    """

    label: str
    value: str
    detail: str = ""
    mark: str = ""
    url: str = ""


def tiles(using: str, found: Status, now: datetime) -> list[Tile]:
    """Return the tiles of the whole system, in order; none where a database does not answer
    according to ``found``, so that the page can be shown all the same."""
    if any(problem.kind is status.Kind.DATABASE for problem in found.problems):
        return []
    totals = status.of_database(using, now)
    lately, hour = _counted(now, LATELY), _counted(now, HOUR)
    parts = {part.part: part for part in found.parts if part.using == using}
    return [
        *_backlog(totals, now),
        *_delivery(lately),
        *_refusals(hour),
        _breaker(using, now),
        *_upkeep(parts, now),
    ]


def site_rows(request: HttpRequest, using: str, found: Status) -> dict[str, Any]:
    """Return ``{sites, more_sites}``: the status of at most ``MAX_SITES`` sites that the user may
    see, those with problems first, and how many more there are."""
    visible = rows_seen(request, Site.objects.using(using).filter(is_probe=False))
    in_trouble = {problem.site_id for problem in found.problems if problem.site_id}
    first = visible.filter(Q(pk__in=in_trouble)).values_list("pk", flat=True)[:MAX_SITES]
    ids = [*first, *visible.values_list("pk", flat=True)[:MAX_SITES]]
    rows = status.of_sites(using, found, list(dict.fromkeys(ids))[:MAX_SITES])
    return {"sites": rows, "more_sites": visible.count() - len(rows)}


def _counted(now: datetime, span: timedelta) -> dict[str, float]:
    """Return what was counted since the oldest sample of the last ``span``, and the ``minutes``."""
    using = content_databases()[0]
    rows = CounterSample.objects.using(using).filter(at__gte=now - span, at__lte=now)
    first = rows.order_by("at").values_list("at", "values").first()
    current = samples.current(using)
    before: dict[str, float] = first[1] if first else current
    minutes = (now - first[0]) / timedelta(minutes=1) if first else 0.0
    return {**samples.between(before, current), "minutes": minutes}


def _backlog(totals: status.Totals, now: datetime) -> Iterator[Tile]:
    outbox = reverse("admin:spool_live_outboxentry_changelist")
    pending, dead = totals.entries["pending"], totals.entries["dead"]
    oldest = gettext("the oldest for %s") % age(now - totals.oldest) if totals.oldest else ""
    yield Tile(
        gettext("Updates waiting"),
        f"{pending:,}",
        oldest or gettext("everything is delivered"),
        url=f"{outbox}?state__exact=pending",
    )
    yield Tile(
        gettext("Dead entries"),
        f"{dead:,}",
        gettext("refused permanently: requeue or discard them") if dead else gettext("none"),
        "bad" if dead else "ok",
        f"{outbox}?state__exact=dead",
    )


def _delivery(lately: dict[str, float]) -> Iterator[Tile]:
    minutes = lately["minutes"]
    delivered = samples.summed(lately, counts.UPDATES, outcome="delivered")
    rate = delivered / minutes if minutes else 0.0
    when = gettext("a minute, over %s min") % number(round(minutes)) if minutes else ""
    yield Tile(gettext("Delivered"), number(round(rate, 1)), when or gettext("no samples yet"))
    p50, p95, p99 = (samples.percentile(lately, share) for share in (0.5, 0.95, 0.99))
    if p50 is None or p95 is None or p99 is None:
        yield Tile(gettext("Edit to Supabase"), NO_VALUE, gettext("nothing was delivered lately"))
        return
    yield Tile(
        gettext("Edit to Supabase, p95"),
        f"{number(p95)} s",
        gettext("p50 %(p50)s s, p99 %(p99)s s") % {"p50": number(p50), "p99": number(p99)},
    )


def _refusals(hour: dict[str, float]) -> Iterator[Tile]:
    for metric, label, name in (
        (counts.UNAUTHORIZED, gettext("401 in the last hour"), "reason"),
        (counts.THROTTLED, gettext("429 in the last hour"), "limit"),
    ):
        total, most = int(samples.summed(hour, metric)), _most(hour, metric, name)
        detail = gettext("most of them: %s") % most if total else gettext("none")
        url = "admin:spool_live_failedauthentication_changelist"
        link = reverse(url) if metric is counts.UNAUTHORIZED else ""
        yield Tile(label, f"{total:,}", detail, "warning" if total else "ok", link)


def _most(values: dict[str, float], metric: counts.Metric, name: str) -> str:
    series = {k: v for k, v in values.items() if k.startswith(f"{metric.name}|") and v}
    if not series:
        return ""
    labels = max(series, key=lambda key: series[key]).partition("|")[2]
    return counts.labels_of(labels).get(name, "").replace("_", " ")


def _breaker(using: str, now: datetime) -> Tile:
    circuit = DeliveryCircuit.objects.using(using).filter(failures__gt=0).first()
    if circuit is None:
        return Tile(gettext("Breaker"), gettext("closed"), gettext("Supabase answers"), "ok")
    failed = ngettext("%d attempt failed", "%d attempts failed", circuit.failures)
    return Tile(
        gettext("Breaker"),
        gettext("open"),
        f"{failed % circuit.failures}, {gettext('next at')} {clock(circuit.open_until, now)}",
        "bad",
    )


def _upkeep(parts: dict[str, Activity], now: datetime) -> Iterator[Tile]:
    realtime = parts.get(Part.REALTIME)
    clients = connections_of(realtime, now) if realtime else None
    if clients is not None:
        yield Tile(gettext("Connections"), f"{clients:,}", gettext("clients at Realtime"))
    labels = {
        Part.CLEANUP: gettext("Cleanup"),
        Part.VERIFY_RLS: gettext("Isolation in the database"),
        Part.VERIFY_LIVE: gettext("Isolation end to end"),
    }
    for part, label in labels.items():
        yield _of_part(label, parts.get(part), now)


def _of_part(label: str, known: Activity | None, now: datetime) -> Tile:
    if known is None:
        return Tile(label, NO_VALUE, gettext("has not run yet"))
    if known.failing_since:
        since = gettext("since %s") % clock(known.failing_since, now)
        return Tile(label, gettext("failing"), f"{since}: {known.error}", "bad")
    if known.succeeded_at is None:
        return Tile(label, NO_VALUE, str(known.detail.get("reason", "") or gettext("not run here")))
    when = gettext("%s ago") % age(now - known.succeeded_at)
    return Tile(label, gettext("ok"), when, "ok")
