"""Moves in trees: treebeard and mptt move a branch by SQL, which sends no signals.

A move is recorded like any other change of the moved item. Where that has another parent now, or
another slug, the items below it are updated as well, because their addresses are likely to contain
its own: one by one up to the collection's ``most_descendants``. Where there are more, the update of
the moved item has ``descendants: true`` and stands for them all.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

from django.db import router
from django.db.models import Model, QuerySet

from spool_live import outbox
from spool_live.capture import branches, saving, stored, transitions
from spool_live.capture.meaning import Meaning, compared, snapshot, snapshot_if_any
from spool_live.capture.plan import plan_of
from spool_live.capture.transitions import Recorded, Snapshot
from spool_live.collections import LiveCollection, registry

DESCENDANTS = "descendants"
"""Key in the metadata of an update that stands for everything below the item as well."""
_MOVE = "spool_live_move"
_unwrap: list[Callable[[], None]] = []
States = dict[Any, Snapshot | None]


@dataclass(frozen=True)
class TreeMove:
    """An item before it was moved: its row, its parent, and snapshots of the items below it by
    collection and primary key."""

    row: Model
    parent: Any
    below: dict[str, States]


def wrap_moves() -> None:
    """Wrap the methods of treebeard and mptt that move nodes, where these are loaded."""
    for name in ("mp_tree.MP_Node", "ns_tree.NS_Node", "al_tree.AL_Node"):
        module, _, node = name.partition(".")
        base = getattr(sys.modules.get(f"treebeard.{module}"), node, None)
        if base is None:
            continue
        around = _saving if node == "AL_Node" else _moving
        manager = getattr(base, "_DEFAULT_TREEBEARD_MANAGER", None)
        if manager is not None:  # treebeard 7; the model's own method calls it
            _wrap(manager, "move", lambda manager, node, *args: node, around)
        else:
            _wrap(base, "move", lambda node, *args: node, around)
    manager = getattr(sys.modules.get("mptt.managers"), "TreeManager", None)
    if manager is not None:
        _wrap(manager, "_move_node", lambda manager, node, *args: node, _about_to_move)


def unwrap_moves() -> None:
    """Remove the wrappers."""
    while _unwrap:
        _unwrap.pop()()


def before_move(instance: Model) -> Model | None:
    """Return the row of ``instance`` as it was before mptt moved it; ``None`` where the save is not
    part of a move."""
    move: TreeMove | None = instance._state.__dict__.get(_MOVE)
    return move.row if move else None


def add_descendants(
    collection: LiveCollection, item: Model, instance: Model, found: list[Recorded], using: str
) -> list[Recorded]:
    """Return ``found``, the updates of an ``item`` that was saved, and those of the items below it
    where the save moved or renamed the item."""
    move: TreeMove | None = instance._state.__dict__.get(_MOVE)
    if not found:
        return found
    if move is not None:
        return _with_descendants(collection, item, found, using, move)
    renamed = any("previous_slug" in data.metadata for _, data in found)
    if renamed and branches.kind_of(collection.model):
        return _with_descendants(collection, item, found, using, None)
    return found


def forget_move(instance: Model) -> None:
    """Discard what is kept of the move of ``instance``, when it is recorded."""
    instance._state.__dict__.pop(_MOVE, None)


def _wrap(owner: Any, name: str, node_of: Callable[..., Any], around: Callable[..., Any]) -> None:
    move = getattr(owner, name)

    @wraps(move)
    def recorded(self: Any, *args: Any, **kwargs: Any) -> Any:
        node = node_of(self, *args) if args or not kwargs.get("node") else kwargs["node"]
        using = node._state.db or router.db_for_write(type(node), instance=node)
        if not registry.recorded_by_signals(type(node), using):
            return move(self, *args, **kwargs)
        return around(lambda: move(self, *args, **kwargs), node, using)

    setattr(owner, name, recorded)
    _unwrap.append(lambda: setattr(owner, name, move))


def _about_to_move(write: Callable[[], Any], node: Model, using: str) -> Any:
    """Move a node of mptt, and keep its state before. mptt saves the node after the move, and may
    move it a second time during that save: the first state is the one that counts."""
    if _MOVE not in node._state.__dict__ and (known := _before(node, using)):
        node._state.__dict__[_MOVE] = known
    return write()


def _saving(write: Callable[[], Any], node: Model, using: str) -> Any:
    """Move a node of treebeard's adjacency list, which is a save, or nothing if it stays."""
    try:
        return _about_to_move(write, node, using)
    finally:
        forget_move(node)


def _moving(write: Callable[[], Any], node: Model, using: str) -> Any:
    with saving.one_transaction(using):
        move = _before(node, using)
        moved = write()
        row = stored.fetch(plan_of(type(node), using), node, using)
        if move is not None and row is not None and _differs(move.row, row):
            updates: list[Recorded] = []
            for collection in registry.recorded_by_signals(type(node), using):
                with Meaning(collection, row, move.row) as meaning:
                    meaning.transitions = compared(collection, move.row, row)
                found = meaning.updates()
                if found:
                    found = _with_descendants(collection, row, found, using, move)
                updates += found
            outbox.record(updates, using=using)
    return moved


def _before(node: Model, using: str) -> TreeMove | None:
    row = stored.fetch(plan_of(type(node), using), node, using)
    if row is None:
        return None
    below = {
        collection.name: _states(collection, row, using)
        for collection in registry.recorded_by_signals(type(node), using)
    }
    return TreeMove(row, branches.parent_of(row, using), below)


def _states(collection: LiveCollection, row: Model, using: str) -> States:
    return {item.pk: snapshot_if_any(collection, item) for item in _below(collection, row, using)}


def _with_descendants(
    collection: LiveCollection,
    item: Model,
    found: list[Recorded],
    using: str,
    move: TreeMove | None,
) -> list[Recorded]:
    if move is not None and branches.parent_of(item, using) == move.parent:
        return found  # it was moved among its siblings
    below = list(_below(collection, item, using))
    if len(below) > collection.most_descendants:
        return [
            (site, replace(data, metadata={DESCENDANTS: True, **data.metadata}))
            for site, data in found
        ]
    before = move.below.get(collection.name, {}) if move else {}
    updates = list(found)
    for other in below:
        with Meaning(collection, other) as meaning:
            now = snapshot(collection, other)
            meaning.transitions = transitions.changed(before.get(other.pk) or now, now)
        updates += meaning.updates()
    return updates


def _below(collection: LiveCollection, row: Model, using: str) -> QuerySet[Model] | list[Model]:
    """Return the items below ``row`` as stored, in the order of the tree: at most
    ``most_descendants``, and one more to show that there are others."""
    found = branches.descendants(collection.model, row, using)
    if collection.site_relations and isinstance(found, QuerySet):
        found = found.select_related(*collection.site_relations)
    return found[: collection.most_descendants + 1]


def _differs(before: Model, after: Model) -> bool:
    columns = [field.attname for field in after._meta.concrete_fields]
    return any(getattr(before, name) != getattr(after, name) for name in columns)
