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
"""If the first sites of a batch are refused for an unclear reason, and they are so many, the
receiving side is the cause."""


@dataclass(frozen=True, slots=True)
class MirrorAnswer:
    """What the receiving side holds of a site after a mirror call. ``applied`` is ``False`` if it
    already held a newer version, or a tombstone (``deleted``)."""

    version: int
    epoch: int
    deleted: bool
    applied: bool


@dataclass(frozen=True, slots=True)
class CleanupAnswer:
    """The result of one cleanup call: how many rows it removed. ``busy``: another one is running.
    ``publishes_deletes``: each deletion costs Realtime time, so the caller takes small steps."""

    deleted: int
    busy: bool
    publishes_deletes: bool


class Broadcaster(ABC):
    """Base class of everything that writes updates where subscribers get them.

    Every method raises ``BroadcastUnavailable`` if the receiving side does not answer or is not set
    up; nothing has to be undone then.
    """

    def prepare(self) -> None:  # noqa: B027 - most have nothing to prepare
        """Do in advance, without a request, what the first call on this thread would wait for."""

    @abstractmethod
    def broadcast(self, updates: Sequence[Update]) -> None:
        """Write all of ``updates`` or, on an error, none of them.

        An update whose id was written before is not written again. Raises ``UnknownSite``,
        ``SequenceTaken`` or ``BroadcastRefused`` for the batch as a whole.
        """

    @abstractmethod
    def mirror(self, site: Mapping[str, Any]) -> MirrorAnswer:
        """Store a whole site: ``{site_id, version, epoch, deleted, name, api_keys: [{id,
        expires_at, revoked_at}]}`` in JSON values. A version older than the stored one is
        ignored."""

    def mirror_many(
        self, sites: Sequence[Mapping[str, Any]]
    ) -> list[MirrorAnswer | BroadcastError]:
        """Mirror each of ``sites``, in one call if the receiving side supports that.

        Returns the answers in the order of ``sites``, with a ``BroadcastError`` in place of the
        answer of a site that was refused.
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
                    raise  # nothing suggests that the sites are the cause
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
        """Return the highest ``seq`` that is stored for each site, without sites that have none."""
