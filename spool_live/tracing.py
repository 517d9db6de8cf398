"""Spans of OpenTelemetry, if its API is installed (``pip install 'spool-live[opentelemetry]'``).

Recording an edit is a span. Its W3C Trace Context is kept in the outbox entry, so that the delivery
of the entry, and the request to Supabase, belong to the trace of the save, even if they happen in
another process or on another day. A batch of several traces is a trace of its own with a link to
each of them. Spans hold ids and numbers, never content; names follow the conventions for messaging.

Without the library, or without a provider that the project has set up, no spans are made.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

try:
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ModuleNotFoundError:
    IS_INSTALLED = False
else:
    IS_INSTALLED = True
    _propagator = TraceContextTextMapPropagator()

NAME = "spool_live"
OUTBOX = "live_updates_outbox"
MAX_LINKS = 128
"""As many links as a span has by default."""
MESSAGE_ID = "messaging.message.id"
MESSAGES = "messaging.batch.message_count"


class Traced(Protocol):
    """An outbox entry as delivery claims it."""

    @property
    def update_id(self) -> uuid.UUID:
        """The id of the update, as clients get it."""

    @property
    def trace_context(self) -> str | None:
        """The ``Recording.context`` with which the entry was recorded."""


class Recording:
    """The span of recording an edit. Its ``context`` is kept in the outbox entries: a JSON object
    of the headers of W3C Trace Context, or ``None`` if there is no trace."""

    def __init__(self, context: str | None = None, span: Any = None) -> None:
        self.context = context
        self._span = span

    def holds(self, update_ids: Iterable[str]) -> None:
        """Set which updates (hexadecimal UUIDs) are recorded. A client's span has the id of its
        update too, so that this span can be found from there."""
        if self._span is None or not self._span.is_recording():
            return
        ids = list(update_ids)
        self._span.set_attribute(MESSAGES, len(ids))
        if len(ids) == 1:
            self._span.set_attribute(MESSAGE_ID, str(uuid.UUID(ids[0])))


_UNTRACED = nullcontext(Recording())


def recording() -> AbstractContextManager[Recording]:
    """Open the span of recording updates: a child of the project's current span, if it has one."""
    return _recording() if _is_traced() else _UNTRACED


@contextmanager
def _recording() -> Iterator[Recording]:
    kind, attributes = trace.SpanKind.PRODUCER, _operation("record", "create")
    with _span(f"record {OUTBOX}", kind, attributes) as span:
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        yield Recording(json.dumps(carrier) if carrier else None, span)


@contextmanager
def delivering(entries: Sequence[Traced]) -> Iterator[None]:
    """Open the span of delivering a batch.

    If the whole batch comes from one edit, it is a child of the edit's span, else it has a link to
    each of the edits' spans.
    """
    if not entries or not _is_traced():
        yield
        return
    contexts = {text: _extracted(text) for entry in entries if (text := entry.trace_context)}
    links = [
        trace.Link(context, {MESSAGE_ID: str(entry.update_id)})
        for entry in entries
        if (context := contexts.get(entry.trace_context or "")) and context.is_valid
    ]
    edits = {(link.context.trace_id, link.context.span_id): link.context for link in links}
    parent = None
    if len(edits) == 1 and len(links) == len(entries):
        [edit] = edits.values()
        parent = trace.set_span_in_context(trace.NonRecordingSpan(edit))
        around = trace.get_current_span().get_span_context()
        links = [trace.Link(around)] if around.is_valid else []
    attributes = {**_operation("deliver", "process"), MESSAGES: len(entries)}
    if len(entries) == 1:
        attributes[MESSAGE_ID] = str(entries[0].update_id)
    kind = trace.SpanKind.CONSUMER
    with _span(f"deliver {OUTBOX}", kind, attributes, context=parent, links=links[:MAX_LINKS]):
        yield


@contextmanager
def calling(call: str, server: str, updates: int) -> Iterator[None]:
    """Open the span of a call to Supabase at the host ``server``, with so many ``updates``."""
    if not _is_traced():
        yield
        return
    attributes: dict[str, Any] = {"server.address": server, "spool_live.call": call}
    if updates:
        attributes[MESSAGES] = updates
    with _span(f"supabase {call}", trace.SpanKind.CLIENT, attributes):
        yield


def _is_traced() -> bool:
    """Return whether the project has set up a provider, or there is a current span to pass on.

    Otherwise no spans are made: they would slow down each save and each batch by a twentieth for
    nothing.
    """
    if not IS_INSTALLED:
        return False
    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return True
    return trace.get_current_span().get_span_context().is_valid


@contextmanager
def _span(name: str, kind: Any, attributes: Any, **given: Any) -> Iterator[Any]:
    """Open a span. Of an error only the class is kept: its message may contain content, and is in
    the log."""
    with trace.get_tracer(NAME).start_as_current_span(
        name, kind=kind, attributes=attributes,
        record_exception=False, set_status_on_exception=False, **given,
    ) as span:  # fmt: skip
        try:
            yield span
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(trace.StatusCode.ERROR, type(error).__name__)
            raise


def _operation(name: str, kind: str) -> dict[str, Any]:
    return {
        "messaging.system": NAME,
        "messaging.destination.name": OUTBOX,
        "messaging.operation.name": name,
        "messaging.operation.type": kind,
    }


def _extracted(text: str) -> Any:
    """Return the span context in ``text``, or an invalid one if ``text`` is something else (as SQL
    may have written)."""
    try:
        carrier = json.loads(text)
    except ValueError:
        return trace.INVALID_SPAN_CONTEXT
    if not isinstance(carrier, dict):
        return trace.INVALID_SPAN_CONTEXT
    headers = {str(name): str(value) for name, value in carrier.items()}
    return trace.get_current_span(_propagator.extract(headers, _EMPTY)).get_span_context()


if IS_INSTALLED:
    from opentelemetry.context import Context

    _EMPTY = Context()
