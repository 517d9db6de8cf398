"""The OpenTelemetry span around the handling of an update, if OpenTelemetry's API is installed.

It carries the update's id as ``messaging.message.id``, as do the server's spans for recording and
delivering the update: a tracing backend can join the two by that attribute.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from spool_live.client.updates import LiveUpdate

try:
    from opentelemetry import trace
except ModuleNotFoundError:
    IS_INSTALLED = False
else:
    IS_INSTALLED = True


@contextmanager
def handling(update: LiveUpdate) -> Iterator[None]:
    """Open the span for the time in which the subscriber handles ``update``."""
    if not IS_INSTALLED:
        yield
        return
    attributes = {
        "messaging.system": "spool_live",
        "messaging.destination.name": "live_updates",
        "messaging.operation.name": "handle",
        "messaging.operation.type": "process",
        "messaging.message.id": str(update.id),
        "spool_live.site_id": str(update.site_id),
        "spool_live.collection": update.collection,
    }
    with trace.get_tracer("spool_live").start_as_current_span(
        "handle live_updates", kind=trace.SpanKind.CONSUMER, attributes=attributes
    ):
        yield
