"""The exceptions that spool_live raises.

Sorted by what the caller must do:

    SpoolLiveError
    ├── SpoolLiveConfigurationError   fix a setting or a registration (also ImproperlyConfigured)
    └── BroadcastError                what a broadcaster answers instead of success
        ├── BroadcastUnavailable      try the whole batch again later
        │   ├── CircuitOpen           the same; no request was made
        │   ├── BatchTooSlow          try a part of the batch, then later
        │   └── UnclearRefusal        find out whether one update is the cause, then later
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
    """A broadcaster could not do what it was asked. ``str(error)`` can be shown and logged."""


class BroadcastUnavailable(BroadcastError):
    """The receiving side is unreachable, overloaded or not set up; the updates are not at fault."""

    def __init__(
        self, message: str, *, retry_after: float | None = None, may_be_content: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds to wait that the receiving side asked for, or ``None``."""
        self.may_be_content = may_be_content
        """Whether the content of one update may be the cause of such an answer, too: if it goes on,
        it is treated as ``UnclearRefusal``."""


class CircuitOpen(BroadcastUnavailable):
    """The receiving side did not answer a moment ago, so no request is made for now. The reason was
    logged when the circuit opened."""


class BatchTooSlow(BroadcastUnavailable):
    """The call took longer than the receiving side or our own deadline allows. A smaller batch may
    be in time; if even one update is not, the receiving side is not answering."""


class UnclearRefusal(BroadcastUnavailable):
    """The refusal is neither a known state of the server nor a known fault of the data: a
    firewall's page, an error that a trigger raises. Only the delivery of other updates shows which
    it is."""


class UnknownSite(BroadcastError):
    """The receiving side does not know a site of this batch (foreign key violation)."""


class SequenceTaken(BroadcastError):
    """Another update already has one of these sequence numbers: the counter is behind."""


class BroadcastRefused(BroadcastError):
    """At least one update of this batch is refused permanently."""
