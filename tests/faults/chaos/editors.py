"""An editor: edits as fast as it is told to, and writes each edit into the ledger beside it.

``python -m tests.faults.chaos.editors NAME SEED RATE TALLY`` until SIGTERM. What became of each
transaction is one letter in the file ``TALLY``: committed, given up on purpose, failed by a fault.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

PER_SITE = 80
"""Items of each kind that a site keeps, more or less."""


class GivenUp(Exception):
    """The editor thinks better of it, and the transaction is rolled back."""


class Editor:
    """Each act is one transaction and returns the items it changed as ledger entries."""

    def __init__(self, name: str, seed: int, rate: float, tally: Path) -> None:
        from spool_live.models import Site

        self.name = name
        self.rand = random.Random(seed)
        self.rate = rate
        self.sites = list(Site.objects.order_by("name"))
        self.turn = 0
        self._edits = 0
        self._tally = tally.open("a", buffering=1)
        self._stopped = False
        signal.signal(signal.SIGTERM, self._stop)
        acts = {
            self.create: 4,
            self.save: 10,
            self.publish: 4,
            self.save_brief: 6,
            self.delete: 2,
            self.delete_unseen: 1,
            self.delete_many: 1,
            self.update_many: 2,
            self.create_many: 1,
            self.batch: 2,
            self.move: 1,
            self.by_hand: 1,
            self.half: 1,
        }
        self._acts: list[Callable[[Any], list[Any]]] = [
            a for a, n in acts.items() for _ in range(n)
        ]

    def run(self) -> None:
        """Edits until it is stopped; an edit that a fault cuts off is not tried again."""
        from django.db import DatabaseError, InterfaceError, connections

        due = time.monotonic()
        while not self._stopped:
            try:
                due += self.take_a_turn() / self.rate
            except (DatabaseError, InterfaceError):
                self._tally.write("f")
                connections.close_all()
                due = time.monotonic() + 0.1
            due = max(due, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))

    def take_a_turn(self) -> int:
        """One transaction; returns the number of edits in it."""
        from django.db import transaction

        from tests.faults.chaos.newsroom.models import Ledger

        self.turn += 1
        site = self.rand.choice(self.sites)
        try:
            with transaction.atomic():
                entries = self.rand.choice(self._acts)(site)
                Ledger.objects.bulk_create(entries)
                if self.rand.random() < 0.05:
                    _give_up()
        except GivenUp:
            self._tally.write("g")
            return 1
        if entries:
            self._tally.write("c")
        return len(entries)

    # The acts

    def create(self, site: Any) -> list[Any]:
        from tests.faults.chaos.newsroom.models import Brief

        if self.rand.random() < 0.3:
            brief = Brief(site=site, edit=self._name_edit())
            brief.save()
            return [self._entry(brief, "created")]
        story = self._new_story(site)
        story.save()
        return [self._entry(story, _born(story))]

    def save(self, site: Any) -> list[Any]:
        return [self._save(story) for story in self._some(site, "Story", 1)] or self.create(site)

    def publish(self, site: Any) -> list[Any]:
        entries = []
        for story in self._some(site, "Story", 1):
            event = "published" if story.status == "draft" else "updated"
            story.status = "draft" if story.status == "published" else "published"
            entries.append(self._save(story, event))
        return entries or self.create(site)

    def save_brief(self, site: Any) -> list[Any]:
        return [self._save(brief) for brief in self._some(site, "Brief", 1)] or self.create(site)

    def delete(self, site: Any) -> list[Any]:
        if self._few(site):
            return self.create(site)
        return [self._delete(story) for story in self._some(site, "Story", 1)]

    def delete_unseen(self, site: Any) -> list[Any]:
        """As the admin does: without a lock, while others may be saving it."""
        if self._few(site):
            return self.create(site)
        return [self._delete(brief) for brief in self._some(site, "Brief", 1, lock=False)]

    def delete_many(self, site: Any) -> list[Any]:
        from tests.faults.chaos.newsroom.models import Story

        if self._few(site):
            return self.create(site)
        chosen = self._some(site, "Story", 6)
        Story.objects.filter(pk__in=[story.pk for story in chosen]).delete()
        return [self._entry(story, "deleted") for story in chosen]

    def update_many(self, site: Any) -> list[Any]:
        from tests.faults.chaos.newsroom.models import Story

        chosen = self._some(site, "Story", self.rand.randint(2, 20))
        edit = self._name_edit()
        rows = Story.objects.filter(pk__in=[story.pk for story in chosen])
        rows.update(edit=edit, status="published")
        entries = []
        for story in chosen:
            story.edit = edit
            entries.append(
                self._entry(story, "updated" if story.status == "published" else "published")
            )
        return entries

    def create_many(self, site: Any) -> list[Any]:
        from tests.faults.chaos.newsroom.models import Story

        if not self._few(site):
            return self.delete_many(site)
        made = Story.objects.bulk_create([self._new_story(site) for _ in range(10)])
        return [self._entry(story, _born(story)) for story in made]

    def batch(self, site: Any) -> list[Any]:
        """Several saves of several items, some more than once, in one statement at the end."""
        from spool_live import batch

        with batch():
            chosen = self._some(site, "Story", 4) + self._some(site, "Brief", 3)
            return [self._save(item) for item in chosen + chosen[:2]]

    def move(self, site: Any) -> list[Any]:
        entries = []
        for story in self._some(site, "Story", 1):
            story.edit = self._name_edit()
            entries.append(self._entry(story, "deleted"))
            story.site = self.rand.choice([other for other in self.sites if other != site])
            story.save()
            entries.append(self._entry(story, _born(story)))
        return entries

    def by_hand(self, site: Any) -> list[Any]:
        from spool_live import EventType, LiveUpdateData, broadcast_update

        edit, item_id = self._name_edit(), uuid.UUID(int=self.rand.getrandbits(128), version=4)
        data = LiveUpdateData(
            event_type=EventType.UPDATED,
            collection="prices",
            item_id=item_id,
            metadata={"edit": edit},
        )
        broadcast_update(site, data)
        return [self._ledger(site.pk, "prices", item_id, "updated", edit)]

    def half(self, site: Any) -> list[Any]:
        """A savepoint that is rolled back, and a save that stays."""
        from django.db import transaction

        try:
            with transaction.atomic():
                self.update_many(site)
                self.create(site)
                _give_up()
        except GivenUp:
            self._tally.write("g")
        return self.save(site)

    # What the acts are made of

    def _some(self, site: Any, kind: str, most: int, *, lock: bool = True) -> list[Any]:
        from tests.faults.chaos.newsroom import models

        model = getattr(models, kind)
        keys = list(model.objects.filter(site=site).values_list("pk", flat=True))
        chosen = model.objects.filter(pk__in=self.rand.sample(keys, min(most, len(keys))))
        found = chosen.filter(site=site).order_by("pk")
        return list(found.select_for_update() if lock else found)

    def _few(self, site: Any) -> bool:
        from tests.faults.chaos.newsroom.models import Story

        return Story.objects.filter(site=site).count() < PER_SITE

    def _new_story(self, site: Any) -> Any:
        from tests.faults.chaos.newsroom.models import Story

        edit = self._name_edit()
        status = self.rand.choice(["draft", "published"])
        body = "x" * self.rand.randint(0, 2000)
        return Story(site=site, slug=f"story-{edit}", status=status, edit=edit, body=body)

    def _save(self, item: Any, event: str = "updated") -> Any:
        item.edit = self._name_edit()
        item.save()
        return self._entry(item, event)

    def _delete(self, item: Any) -> Any:
        # A deletion says what the row held: nothing may change it between this look and the end.
        stored = type(item).objects.select_for_update().filter(pk=item.pk).first()
        if stored is None:
            _give_up()  # somebody else was faster
        entry = self._entry(stored, "deleted")
        stored.delete()
        return entry

    def _name_edit(self) -> str:
        self._edits += 1
        return f"{self.name}.{self._edits}"

    def _entry(self, item: Any, event: str) -> Any:
        from spool_live.collections import registry

        (collection,) = registry.of_model(type(item))
        item_id = collection.item_id_of(item)
        return self._ledger(item.site_id, collection.name, item_id, event, item.edit)

    def _ledger(self, site_id: Any, collection: str, item: Any, event: str, edit: str) -> Any:
        from tests.faults.chaos.newsroom.models import Ledger

        return Ledger(
            editor=self.name,
            turn=self.turn,
            site_id=site_id,
            collection=collection,
            item_id=item,
            event_type=f"content.{event}",
            edit=edit,
        )

    def _stop(self, *_: object) -> None:
        self._stopped = True


def _give_up() -> None:
    raise GivenUp


def _born(story: Any) -> str:
    return "published" if story.status == "published" else "created"


def main(name: str, seed: str, rate: str, tally: str) -> None:
    """Runs an editor."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.faults.chaos.settings")
    django.setup()
    from tests.faults.chaos import celery  # noqa: F401 - as a project's own __init__ would

    Editor(name, int(seed), float(rate), Path(tally)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
