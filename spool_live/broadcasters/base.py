"""The base class of broadcasters, and the form of their answers."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from spool_live.exceptions import BroadcastError, BroadcastUnavailable, UnclearRefusal
from spool_live.updates import Update

UNCLEAR = 3
"""Sites in a row whose unclear refusal means that it is the receiving side."""


@dataclass(frozen=True, slots=True)
class MirrorAnswer:
    """What the receiving side holds of a site after a mirror call. ``applied`` is false where it
    held something newer, or a tombstone (``deleted``)."""

    version: int
    epoch: int
    deleted: bool
    applied: bool


@dataclass(frozen=True, slots=True)
class CleanupAnswer:
    """What one cleanup call removed. ``busy``: another one is at it. ``publishes_deletes``: each
    deletion costs Realtime time, so the caller goes in small steps."""

    deleted: int
    busy: bool
    publishes_deletes: bool


class Broadcaster(ABC):
    """Writes updates where subscribers get them.

    Every method raises ``BroadcastUnavailable`` where the receiving
    side does not answer or is not set up; nothing has to be undone then.
    """

    def prepare(self) -> None:  # noqa: B027 - most have nothing to prepare
        """Do what the first call on this thread would otherwise wait for, without a request."""

    @abstractmethod
    def broadcast(self, updates: Sequence[Update]) -> None:
        """Write ``updates`` at once, all or none, each once however often it is called (by id).

        Raises ``UnknownSite``,
        ``SequenceTaken`` or
        ``BroadcastRefused`` for the batch as a whole.
        """

    @abstractmethod
    def mirror(self, site: Mapping[str, Any]) -> MirrorAnswer:
        """Make a whole site known: ``{site_id, version, epoch, deleted, name, api_keys: [{id,
        expires_at, revoked_at}]}`` in JSON values. Older versions are ignored."""

    def mirror_many(
        self, sites: Sequence[Mapping[str, Any]]
    ) -> list[MirrorAnswer | BroadcastError]:
        """Mirror each of ``sites``, in one call where the receiving side takes many.

        Answers in their order; the error of a site that was refused stands in its place.
        """
        answers: list[MirrorAnswer | BroadcastError] = []
        taken = unclear = 0
        for site in sites:
            try:
                answers.append(self.mirror(site))
                taken += 1
            except UnclearRefusal as error:
                unclear += 1
                if not taken and unclear in (UNCLEAR, len(sites)):
                    raise  # nothing speaks for it being the site
                answers.append(BroadcastError(str(error)))
            except BroadcastUnavailable:
                raise
            except BroadcastError as error:
                answers.append(error)
        return answers

    @abstractmethod
    def cleanup(self, before: datetime, max_rows: int) -> CleanupAnswer:
        """Remove at most ``max_rows`` updates that were inserted before ``before``."""

    @abstractmethod
    def newest_seqs(self, site_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
        """Return the highest sequence number present for each site; sites without any are left
        out."""
