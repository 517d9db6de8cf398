"""Presence: what each channel tracks in a room, for as long as the channel is open."""

from __future__ import annotations

import secrets
from typing import Any

from spool_live.local.realtime.hub import Room

Meta = dict[str, Any]
Entries = dict[str, dict[str, list[Meta]]]
"""Presence key -> ``{"metas": [...]}``, the form of ``presence_state``."""
Diff = dict[str, Entries]
"""``{"joins": Entries, "leaves": Entries}``, the payload of ``presence_diff``."""


class PresenceBook:
    """What is tracked, by room and by owner (any hashable object)."""

    def __init__(self) -> None:
        self._rooms: dict[Room, dict[object, tuple[str, Meta]]] = {}

    def state(self, room: Room) -> Entries:
        """Return everything that is tracked in ``room``."""
        entries: Entries = {}
        for key, meta in self._rooms.get(room, {}).values():
            entries.setdefault(key, {"metas": []})["metas"].append(meta)
        return entries

    def track(self, room: Room, owner: object, key: str, payload: Meta) -> Diff | None:
        """Set what ``owner`` tracks; return the diff, or None if nothing changes."""
        former = self._rooms.get(room, {}).get(owner)
        meta = {**payload, "phx_ref": secrets.token_urlsafe(8)}
        leaves: Entries = {}
        if former is not None:
            former_key, former_meta = former
            content = {n: v for n, v in former_meta.items() if not n.startswith("phx_ref")}
            if content == payload:
                return None
            meta["phx_ref_prev"] = former_meta["phx_ref"]
            leaves = {former_key: {"metas": [former_meta]}}
        self._rooms.setdefault(room, {})[owner] = (key, meta)
        return {"joins": {key: {"metas": [meta]}}, "leaves": leaves}

    def untrack(self, room: Room, owner: object) -> Diff | None:
        """Remove ``owner``; return the diff, or None if it tracked nothing."""
        owners = self._rooms.get(room, {})
        former = owners.pop(owner, None)
        if not owners:
            self._rooms.pop(room, None)
        if former is None:
            return None
        key, meta = former
        return {"joins": {}, "leaves": {key: {"metas": [meta]}}}
