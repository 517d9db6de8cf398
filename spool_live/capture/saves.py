"""Saves of registered items: each determines what has changed and records it with the row."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Model

from spool_live import outbox
from spool_live.capture import restoring, scheduling, stored, transitions, trees
from spool_live.capture.followed import FollowedSave, followings_of
from spool_live.capture.meaning import Meaning, compared, snapshot
from spool_live.capture.parents import ParentSave, steps_of
from spool_live.capture.plan import CapturePlan, plan_of
from spool_live.capture.saving import Save
from spool_live.capture.transitions import Recorded, Snapshot, Transition
from spool_live.collections import LiveCollection


def begin(
    instance: Model, using: str, raw: bool, update_fields: Collection[str] | None
) -> Save | None:
    """Return the ``Save`` that captures a save of ``instance``, or ``None``. Fixtures (``raw``)
    record nothing, unless a trigger does, or an earlier version is restored."""
    raw = raw and not restoring.is_active()
    stored.mark_fixture(instance, raw=raw)
    plan = plan_of(type(instance), using)
    saves: list[Save] = []
    if plan.collections and not raw:
        saves.append(ItemSave(plan, instance, using, update_fields))
    elif plan.wakes:
        saves.append(TriggeredSave(using))
    if not raw and (steps := steps_of(type(instance))):
        saves.append(ParentSave(steps, instance, using, update_fields))
    if not raw and (followings := followings_of(type(instance))):
        saves.append(FollowedSave(followings, instance, using))
    return Saves(*saves) if len(saves) > 1 else next(iter(saves), None)


class ItemSave:
    """A save of a registered item, whose updates are recorded here rather than by a trigger."""

    needs_transaction = True

    def __init__(
        self, plan: CapturePlan, instance: Model, using: str, update_fields: Collection[str] | None
    ) -> None:
        self.plan = plan
        self.instance = instance
        self.using = using
        self.update_fields = update_fields
        self.row: Model | None = None
        self.moved: Model | None = None

    def before(self) -> None:
        """Read and lock the stored row, where a collection needs it."""
        self.moved = trees.before_move(self.instance)
        if self.moved is None:
            self.row = stored.before_save(self.plan, self.instance, self.using)

    def after(self, *, created: bool) -> None:
        """Record what the save has changed, by the row as it is now."""
        row = None if created else self.moved or self.row
        item = stored.after_save(
            self.plan, self.instance, self.row, self.using, self.update_fields, created=created
        )
        sites = stored.sites(self.plan, self.instance, item, self.update_fields, created=created)
        updates: list[Recorded] = []
        for collection in self.plan.collections:
            with Meaning(collection, item, row) as meaning:
                if created:
                    meaning.transitions = transitions.created(snapshot(collection, item))
                elif row is not None:
                    meaning.transitions = compared(collection, row, item)
                else:
                    meaning.transitions = self._by_site(collection, item, *sites)
            found = meaning.updates()
            if row is not None:
                found = trees.add_descendants(collection, item, self.instance, found, self.using)
            updates += found
        trees.forget_move(self.instance)
        outbox.record(updates, using=self.using)
        if self.plan.scheduled:
            scheduling.note(self.using, ((c, item) for c in self.plan.collections))
        if self.plan.wakes:
            outbox.notify(using=self.using)

    def _by_site(
        self, collection: LiveCollection, item: Model, before: object, after: object
    ) -> list[Transition]:
        if self.plan.site_column is None or collection.compares_rows:
            return transitions.touched(snapshot(collection, item))
        to_site_id = collection.to_site_id
        now = Snapshot(to_site_id(after))
        return transitions.changed(now if before == after else Snapshot(to_site_id(before)), now)


class Saves:
    """One save that several ``Save`` objects capture, each for a reason of its own."""

    needs_transaction = True

    def __init__(self, *saves: Save) -> None:
        self.saves = saves

    def before(self) -> None:
        """Call ``before`` of each."""
        for save in self.saves:
            save.before()

    def after(self, *, created: bool) -> None:
        """Call ``after`` of each."""
        for save in self.saves:
            save.after(created=created)


class TriggeredSave:
    """A save that a trigger records; a worker is notified after the commit."""

    needs_transaction = False

    def __init__(self, using: str) -> None:
        self.using = using

    def before(self) -> None:
        """Do nothing."""

    def after(self, *, created: bool) -> None:
        """Notify a worker of what the trigger recorded."""
        outbox.notify(using=self.using)
