"""The cost of a save (G1, G3, G4), beside the plain save and the peers."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from statistics import median

from django.conf import settings
from django.db import connections, transaction
from django.db.models import F, Model
from django.test.utils import CaptureQueriesContext

from benchmarks.figures import Figure, Sample, over_rounds, ratio_over_rounds
from benchmarks.newsroom import models
from benchmarks.newsroom.bulk import BULK_PEERS, Bulk, copy_beside, create_recorded
from benchmarks.newsroom.peers import PEER_VARIANTS, Variant
from benchmarks.rig import Rig
from spool_live import batch
from spool_live.models import OutboxEntry, Site


def _count(story: Model) -> None:
    story.views = F("views") + 1  # type: ignore[attr-defined]
    story.save()


PLAIN = Variant("plain", models.PlainStory)
OURS = Variant("spool_live", models.LiveStory)
TRACKED = Variant("spool_live, slug and publish state", models.TrackedStory)
PLAIN_COUNTED = Variant("plain, by an expression", models.PlainStory, _count)
COUNTED = Variant("spool_live, a value read back", models.LiveStory, _count)
"""A variant in which the database computes the saved value, so that spool_live reads it back."""


def run(rig: Rig) -> list[Figure]:
    """Measure single saves, saves in one transaction, and bulk saves."""
    return [*single_saves(rig), *many_saves(rig), *bulk_creates(rig)]


def single_saves(rig: Rig) -> list[Figure]:
    """Measure G1: one save in a transaction."""
    rig.reset_receiver()
    peers = PEER_VARIANTS()
    ours = [OURS, TRACKED, PLAIN_COUNTED, COUNTED]
    medians = _interleaved(rig, [PLAIN, *ours, *peers], "default")
    on_sqlite = _interleaved(rig, [PLAIN, OURS], "sqlite")
    base = medians["plain"]
    ratios = {name: ratio_over_rounds(found, base) for name, found in medians.items()}
    name = _lowest({peer.name: ratios[peer.name] for peer in peers})
    figures = [
        Figure(
            "G1 save in a transaction", ratios[OURS.name], "x plain", 1.25, name, ratios.get(name)
        ),
        Figure(
            "G1 the same on SQLite",
            ratio_over_rounds(on_sqlite[OURS.name], on_sqlite["plain"]),
            "x plain",
            1.3,
        ),
        Figure("G1 statements more", _statements(OURS) - _statements(PLAIN), "statements", 1),
        Figure("G1 with slug and publish state", ratios[TRACKED.name], "x plain"),
        Figure(
            "G1 where a value is read back",
            ratio_over_rounds(medians[COUNTED.name], medians[PLAIN_COUNTED.name]),
            "x the same without us",
        ),
        Figure(
            "G1 statements more where a value is read back",
            _statements(COUNTED) - _statements(PLAIN_COUNTED),
            "statements",
        ),
        Figure("plain save in a transaction", over_rounds([1e6 * one for one in base]), "us"),
    ]
    return figures + [Figure(f"save, {peer.name}", ratios[peer.name], "x plain") for peer in peers]


def many_saves(rig: Rig) -> list[Figure]:
    """Measure G3: 1000 saves in one transaction."""
    measured = (PLAIN, OURS, *PEER_VARIANTS())
    stories = {v.name: _stories(v.model, 1000, "default") for v in measured}
    stories["batch"] = stories[OURS.name]
    variants: dict[str, Callable[[], None]] = {
        v.name: partial(_save_all, v, stories[v.name]) for v in measured
    }
    variants["batch"] = partial(_save_in_batch, stories["batch"])
    found = _timed(variants, rig.times(7, 3))
    ratio = {name: ratio_over_rounds(times, found["plain"]) for name, times in found.items()}
    peers = {v.name: ratio[v.name] for v in PEER_VARIANTS()}
    best = _lowest(peers)
    return [
        Figure("G3 1000 saves, batch()", ratio["batch"], "x plain", 1.10, best, peers.get(best)),
        Figure("G3 1000 saves, without batch()", ratio[OURS.name], "x plain"),
        *(Figure(f"1000 saves, {name}", value, "x plain") for name, value in peers.items()),
    ]


def bulk_creates(rig: Rig) -> list[Figure]:
    """Measure G4: bulk_create(1000). The limit is the same content, with prepared updates by
    COPY."""
    site = _site("default")
    ways = {"plain": Bulk(models.PlainStory), "ours": Bulk(models.LiveStory, create_recorded)}
    ways |= {"COPY": Bulk(models.PlainStory, copy_beside(site)), **BULK_PEERS()}

    def act(way: Bulk) -> None:
        with transaction.atomic():
            way.create(way.model, [_new(way.model, site, n) for n in range(1000)])

    found = _timed({name: partial(act, way) for name, way in ways.items()}, rig.times(15, 5))
    ratio = {name: ratio_over_rounds(times, found["plain"]) for name, times in found.items()}
    peers = {name: ratio[name] for name in BULK_PEERS()}
    best = _lowest(peers)
    return [
        Figure("G4 bulk_create(1000)", ratio["ours"], "x plain", 1.15, best, peers.get(best)),
        Figure("bulk_create(1000), limit by COPY", ratio["COPY"], "x plain"),
        *(Figure(f"bulk_create(1000), {name}", value, "x plain") for name, value in peers.items()),
    ]


def _lowest(ratios: dict[str, Sample]) -> str:
    """Return the name of the cheapest peer; "" if there is none."""
    measured = {name: ratio.value for name, ratio in ratios.items() if ratio.value is not None}
    return min(measured, key=measured.__getitem__, default="")


def _interleaved(rig: Rig, variants: list[Variant], using: str) -> dict[str, list[float]]:
    stories = {v.name: _stories(v.model, rig.times(300, 60), using) for v in variants}
    medians: dict[str, list[float]] = {v.name: [] for v in variants}
    for _ in range(rig.times(7, 3)):
        _fresh_tables(using)
        for variant in random.sample(variants, len(variants)):
            times = []
            for story in stories[variant.name][: variant.at_most]:
                started = time.perf_counter()
                with transaction.atomic(using=using):
                    variant.save(story)
                times.append(time.perf_counter() - started)
            medians[variant.name].append(median(times))
    return medians


def _timed(variants: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        _fresh_tables("default")
        for name in random.sample(list(variants), len(variants)):
            started = time.perf_counter()
            variants[name]()
            times[name].append(time.perf_counter() - started)
    return times


def _save_all(variant: Variant, stories: list[Model]) -> None:
    with transaction.atomic():
        for story in stories:
            variant.save(story)


def _save_in_batch(stories: list[Model]) -> None:
    with transaction.atomic(), batch():
        for story in stories:
            story.save()


def _statements(variant: Variant) -> int:
    (story,) = _stories(variant.model, 1, "default")
    with transaction.atomic(), CaptureQueriesContext(connections["default"]) as queries:
        variant.save(story)
    return len(queries)


def _stories(model: type[Model], count: int, using: str) -> list[Model]:
    site = _site(using)
    manager = model._default_manager.using(using)
    manager.bulk_create(_new(model, site, n) for n in range(count))
    return list(manager.order_by("-pk")[:count])


def _new(model: type[Model], site: Site, n: int) -> Model:
    return model(
        site=site, title=f"Story {n}", slug=f"story-{n}", summary="s" * 200, body="b" * 1000
    )


def _site(using: str) -> Site:
    return Site.objects.using(using).get_or_create(name="Bench")[0]


def _fresh_tables(using: str) -> None:
    """Begin a round with an empty outbox, and without dirty pages of the last round."""
    connection = connections[using]
    OutboxEntry.objects.using(using).all().delete()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE live_updates_outbox")
            cursor.execute("VACUUM ANALYZE")
            cursor.execute("SELECT 1")
    assert settings.DATABASES[using]
