"""Capture by trigger (G2): saves in autocommit mode, and writes that send no signals.

Each variant is compared with the plain save of a model with the same kind of key, in the same
round.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from statistics import median

from django.apps import apps
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from benchmarks.figures import Figure, over_rounds, ratio_over_rounds
from benchmarks.newsroom import models
from benchmarks.rig import Rig
from benchmarks.suites.saves import _fresh_tables, _new, _site, _stories, _timed

Times = dict[type[Model], list[float]]
NUMBERED, KEYED = models.PlainStory, models.PlainKeyedStory
OURS: dict[str, tuple[type[Model], type[Model]]] = {
    "spool_live": (models.TriggerStory, KEYED),
    "with slug and publish state": (models.TrackedTriggerStory, KEYED),
    "with a number as key": (models.NumberedTriggerStory, NUMBERED),
    "by signals instead": (models.LiveStory, NUMBERED),
}


def run(rig: Rig) -> list[Figure]:
    """Measure single saves beside the peer, their statements, and a thousand rows at once."""
    return [*single_saves(rig), *many_rows(rig)]


def single_saves(rig: Rig) -> list[Figure]:
    """Measure G2: one save in autocommit mode."""
    variants = {**OURS, **_peers()}
    times = _interleaved(rig, {KEYED, NUMBERED, *(model for model, _ in variants.values())})
    ratios = {
        n: ratio_over_rounds(times[model], times[base]) for n, (model, base) in variants.items()
    }
    peer = next(iter(_peers()), "")
    ours = models.TriggerStory
    return [
        Figure(
            "G2 autocommit save, trigger",
            ratios.pop("spool_live"),
            "x plain",
            1.15,
            peer,
            ratios.get(peer),
        ),
        Figure("G2 statements more", _statements(ours) - _statements(KEYED), "statements", 0),
        Figure(
            "plain save in autocommit mode", over_rounds([1e6 * one for one in times[KEYED]]), "us"
        ),
        *(Figure(f"autocommit save, {name}", ratio, "x plain") for name, ratio in ratios.items()),
    ]


def many_rows(rig: Rig) -> list[Figure]:
    """Measure ``bulk_create``, ``QuerySet.update`` and ``delete`` of 1000 rows."""
    figures = []
    for name, act in (
        ("bulk_create(1000)", _create),
        ("QuerySet.update() of 1000", _update),
        ("QuerySet.delete() of 1000", _delete),
    ):
        for model in (KEYED, models.TriggerStory):
            model._default_manager.all().delete()
            _stories(model, 1000, "default")
        variants = {m.__name__: _bound(act, m) for m in (KEYED, models.TriggerStory)}
        found = _timed(variants, rig.times(15, 5))
        ratio = ratio_over_rounds(found[models.TriggerStory.__name__], found[KEYED.__name__])
        figures.append(Figure(f"{name}, trigger", ratio, "x plain"))
    return figures


def _peers() -> dict[str, tuple[type[Model], type[Model]]]:
    if not apps.is_installed("pghistory"):
        return {}
    return {"django-pghistory": (models.TriggeredStory, NUMBERED)}


def _interleaved(rig: Rig, variants: set[type[Model]]) -> Times:
    stories = {model: _stories(model, rig.times(300, 60), "default") for model in variants}
    medians: Times = {model: [] for model in variants}
    for _ in range(rig.times(15, 5)):
        _fresh_tables("default")
        times: Times = {model: [] for model in variants}
        for group in zip(*stories.values(), strict=True):
            # One save of each in turn, so that load by others affects all of them.
            for story in random.sample(group, len(group)):
                started = time.perf_counter()
                story.save()
                times[type(story)].append(time.perf_counter() - started)
        for model, found in times.items():
            medians[model].append(median(found))
    return medians


def _statements(model: type[Model]) -> int:
    (story,) = _stories(model, 1, "default")
    with CaptureQueriesContext(connection) as queries:
        story.save()
    return len(queries)


def _bound(act: Callable[[type[Model]], None], model: type[Model]) -> Callable[[], None]:
    return lambda: act(model)


def _create(model: type[Model]) -> None:
    site = _site("default")
    model._default_manager.bulk_create(_new(model, site, n) for n in range(1000))


def _update(model: type[Model]) -> None:
    model._default_manager.update(summary="changed")


def _delete(model: type[Model]) -> None:
    model._default_manager.all().delete()
    _stories(model, 1000, "default")
