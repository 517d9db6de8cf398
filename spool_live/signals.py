"""Signals that spool_live sends."""

from __future__ import annotations

from django.dispatch import Signal

outbox_committed = Signal()
"""Something that must go to Supabase was committed. Sent after the commit, on the thread that
committed; receivers must not block. Arguments: ``using`` (alias of the content database)."""

sweeping = Signal()
"""A sweep begins: what is due by the clock is recorded now, to be delivered by the same sweep.
Arguments: ``using`` (alias of the content database)."""

updates_delivered = Signal()
"""A batch is in ``live_updates``. Sent by the worker that delivered it, after the entries were
settled and that was committed.
Arguments: ``count`` (int), ``using``."""

update_died = Signal()
"""Supabase refused an update permanently. Arguments: ``update_id`` (UUID), ``reason`` (str),
``using``."""

alert = Signal()
"""A problem that people should know of has begun, or is over. Sent once for each, by whichever
process evaluates the alert rules; a receiver that raises is sent the notice again later.
Arguments: ``notice`` (a ``spool_live.alerts.channels.Notice``: ``kind`` ``firing``,
``recovered`` or ``test``, ``rule``, ``subject``, ``state``, ``summary``, ``remedy``,
``started_at``, ``ended_at``, ``title``, ``text``)."""

authentication_failures = Signal()
"""So many authentications failed within an hour that ``SPOOL_LIVE["FAILURE_ALERT"]`` is reached.
Arguments: ``address`` (str), ``prefix`` (str, of an existing key, or empty), ``reason`` (str),
``count`` (int)."""

webhook_endpoint_disabled = Signal()
"""A webhook endpoint was disabled because of its answers: nothing more is sent to it.
Arguments: ``endpoint`` (a ``spool_live.models.WebhookEndpoint``), ``reason`` (str),
``using``."""
