"""Everything that spool_live raises on purpose.

Sorted by what the caller must do:

    SpoolLiveError
    ├── SpoolLiveConfigurationError   fix a setting or a registration (also ImproperlyConfigured)
    └── BroadcastError                what a broadcaster answers instead of success
        ├── BroadcastUnavailable      try the whole batch again later
        │   ├── CircuitOpen           the same: it was not even asked
        │   ├── BatchTooSlow          try a part of the batch, then later
        │   └── UnclearRefusal        find out whether it is one update's fault, then later
        ├── UnknownSite               mirror the sites of the batch, then try again
        ├── SequenceTaken             renumber what is undelivered, then try again
        └── BroadcastRefused          something in this batch will never be accepted
"""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured


class SpoolLiveError(Exception):
    """Base of all errors raised by spool_live."""


class SpoolLiveConfigurationError(SpoolLiveError, ImproperlyConfigured):
    """A setting or a registration is wrong; the message names it and the remedy."""


class BroadcastError(SpoolLiveError):
    """A broadcaster could not do what it was asked. ``str(error)`` is fit for people and logs."""


class BroadcastUnavailable(BroadcastError):
    """The receiving side is away, overloaded or not set up: nothing is wrong with the updates."""

    def __init__(
        self, message: str, *, retry_after: float | None = None, may_be_content: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds that the receiving side asked to be left alone, or ``None``."""
        self.may_be_content = may_be_content
        """Whether one update may be the cause of such an answer as well: where it goes on like
        that, it is treated as ``UnclearRefusal``."""


class CircuitOpen(BroadcastUnavailable):
    """The receiving side did not answer a moment ago and is not asked for now. Whoever found it
    away has logged why."""


class BatchTooSlow(BroadcastUnavailable):
    """The call took longer than the receiving side or our own deadline allows. A smaller batch may
    be in time; where even one update is not, the receiving side does not answer."""


class UnclearRefusal(BroadcastUnavailable):
    """The refusal is neither a known state of the server nor a known fault of the data: a
    firewall's page, an error that a trigger raises. Whose fault it is shows only in what becomes of
    the other updates."""


class UnknownSite(BroadcastError):
    """The receiving side does not know a site of this batch (foreign key violation)."""


class SequenceTaken(BroadcastError):
    """Another update already has one of these sequence numbers: the counter is behind."""


class BroadcastRefused(BroadcastError):
    """At least one update of this batch is refused permanently."""
