"""Runs a case with the app or without it, and notes all that the project can see of it."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.core.files.storage import default_storage
from django.db import connection, models, transaction
from django.db.models import Q
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save
from django.utils import timezone

from spool_live.capture import connect_all, disconnect_all, triggers
from spool_live.models import OutboxEntry, Site
from tests.capture.triggering import declared
from tests.testapp.models import Feature, SeenTitle, Story, StoryProxy

COLUMNS = ("title", "views", "price", "ratio", "featured", "day", "moment", "token", "extra")
OTHERS = ("hour", "length", "address", "rank", "status")
"""Columns of kinds that triggers cannot write as JSON, or that are of no interest to them."""
DECLARED: dict[str, Any] = {"slug_field": "slug", "published_when": Q(is_live=True)}


def _metadata(self: Any, item: Story) -> dict[str, Any]:
    names = (*COLUMNS, *OTHERS, "code", "words")
    return {name: getattr(item, name) for name in names} | {"scan": item.scan.name}


CAPTURES: dict[str, dict[str, Any]] = {
    "signals": {
        **DECLARED,
        "published_when": Q(status="published"),  # is_live would be read back at each save
        "metadata_fields": (*COLUMNS, *OTHERS),
    },
    "methods": {
        "get_slug": lambda self, item: item.slug,
        "is_published": lambda self, item: item.is_live,
        "get_metadata": _metadata,
    },
    "trigger": {**DECLARED, "metadata_fields": COLUMNS, "capture": "trigger"},
}
"""By attributes, which say what an update depends on; by methods, which may read any column, also
those that the database has in another form; and by triggers."""
Case = Callable[["World"], None]


@dataclass
class Outcome:
    """What the project sees: its rows, the exception, its receivers' calls and the callbacks after
    commits in their order, each with whether a transaction was open."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    error: str = ""
    received: list[Any] = field(default_factory=list)


class World:
    """A site with one story, for one run of a case."""

    def __init__(self) -> None:
        self.site = Site.objects.create(name="Courier")
        self.other = Site.objects.create(name="Parallax")
        self.story = Story.objects.create(site=self.site)
        self.outcome = Outcome()
        self._stack = ExitStack()

    def on(self, signal: Any, receiver: Callable[..., None], sender: Any = Story) -> None:
        """Connects a receiver of the project's for the rest of the run."""

        def receive(sender: Any, instance: Any, **kwargs: Any) -> None:
            receiver(instance)

        signal.connect(receive, sender=sender, weak=False)
        self._stack.callback(signal.disconnect, receive, sender=sender)

    def note(self, what: Any) -> None:
        """Notes something that the project can see."""
        self.outcome.received.append((what, connection.in_atomic_block))

    def run(self, case: Case, *, atomic: bool) -> Outcome:
        """Runs ``case``, in a transaction if ``atomic``."""
        with self._stack, self._listening():
            try:
                if atomic:
                    with transaction.atomic():
                        case(self)
                else:
                    case(self)
            except Exception as error:  # noqa: BLE001 - that is what is compared
                self.outcome.error = type(error).__name__
        self.outcome.rows = [_comparable(row) for row in Story.objects.order_by("pk").values()]
        self.outcome.rows += [_comparable(row) for row in Feature.objects.values("hero")]
        self.outcome.seen = list(
            SeenTitle.objects.values_list("title", flat=True).order_by("title")
        )
        return self.outcome

    @contextmanager
    def _listening(self) -> Iterator[None]:
        def listen(sender: Any, signal: Any, **kwargs: Any) -> None:
            if sender in (Story, StoryProxy, Feature, SeenTitle):
                self.note((names[id(signal)], sender.__name__, kwargs.get("created")))

        names = {
            id(pre_save): "pre_save",
            id(post_save): "post_save",
            id(pre_delete): "pre_delete",
            id(post_delete): "post_delete",
        }
        for signal in (pre_save, post_save, pre_delete, post_delete):
            signal.connect(listen, weak=False)
        try:
            yield
        finally:
            for signal in (pre_save, post_save, pre_delete, post_delete):
                signal.disconnect(listen)


def _comparable(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without what differs from run to run."""
    kept = {k: v for k, v in row.items() if k not in ("id", "changed_at", "model_of_id")}
    if "site_id" in kept:
        kept["site_id"] = Site.objects.get(pk=kept["site_id"]).name
    moment = kept.get("moment")
    if moment is not None and abs(timezone.now() - moment) < datetime.timedelta(minutes=5):
        kept["moment"] = "now"
    return kept


def clear() -> None:
    """Empties the tables that cases write."""
    for model in (Feature, Story, SeenTitle, Site, OutboxEntry):
        rows: models.QuerySet[Any] = model._base_manager.all()
        rows.delete()
    if default_storage.exists("scans"):
        default_storage.delete("scans")


def without(case: Case, *, atomic: bool) -> Outcome:
    """What the project sees of ``case`` where nothing is captured."""
    disconnect_all()
    try:
        clear()
        return World().run(case, atomic=atomic)
    finally:
        connect_all()


@contextmanager
def captured(capture: str) -> Iterator[None]:
    """Registers ``Story`` as ``capture`` says."""
    with declared(Story, **CAPTURES[capture]):
        triggers.install("default")
        try:
            yield
        finally:
            triggers.remove("default")


def within(case: Case, *, atomic: bool) -> tuple[Outcome, list[OutboxEntry]]:
    """What the project sees where ``case`` is captured, and what was recorded of it."""
    clear()
    world = World()
    last = OutboxEntry.objects.order_by("pk").last()
    outcome = world.run(case, atomic=atomic)
    entries = OutboxEntry.objects.filter(pk__gt=last.pk if last else 0)
    return outcome, list(entries.order_by("pk"))
