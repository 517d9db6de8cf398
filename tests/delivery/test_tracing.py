"""A trace leads from the save through the outbox to the request; a client finds it by the id."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest
from django.db import IntegrityError, connection
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, SpanKind, StatusCode, TraceFlags

from spool_live import batch, outbox, tracing
from spool_live.client.handlers import Handlers
from spool_live.client.updates import LiveUpdate, UpdateFilter
from spool_live.exceptions import BroadcastUnavailable
from spool_live.models import OutboxEntry, Site
from tests.delivery.conftest import MakeSite, Recording, deliver
from tests.outbox.conftest import update, waiting

pytestmark = pytest.mark.django_db


class Traces:
    """The spans that were exported."""

    def __init__(self, exporter: InMemorySpanExporter, provider: TracerProvider) -> None:
        self._exporter = exporter
        self.tracer = provider.get_tracer("project")

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.name == name]

    def only(self, name: str) -> ReadableSpan:
        [span] = self.named(name)
        return span


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traces]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    yield Traces(exporter, provider)
    provider.shutdown()


def contexts(site: Site) -> list[str | None]:
    entries = OutboxEntry.objects.filter(site_id=site.pk).order_by("pk")
    return list(entries.values_list("trace_context", flat=True))


def parent(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


class TestServer:
    def test_request_belongs_to_the_trace_of_the_save(self, site: Site, traces: Traces) -> None:
        with traces.tracer.start_as_current_span("PUT /article"):
            waiting(site)
        deliver(Recording())
        save, record, delivered, request = (
            traces.only(name)
            for name in (
                "PUT /article", "record live_updates_outbox", "deliver live_updates_outbox",
                "supabase broadcast",
            )
        )  # fmt: skip
        assert {one.context.trace_id for one in (record, delivered, request)} == {
            save.context.trace_id
        }
        assert [parent(one) for one in (record, delivered, request)] == [
            one.context.span_id for one in (save, record, delivered)
        ]
        kinds = [one.kind for one in (record, delivered, request)]
        assert kinds == [SpanKind.PRODUCER, SpanKind.CONSUMER, SpanKind.CLIENT]

    def test_spans_know_the_update_that_clients_know(self, site: Site, traces: Traces) -> None:
        waiting(site)
        deliver(Recording())
        entry = OutboxEntry.objects.get(site_id=site.pk)
        for name in ("record live_updates_outbox", "deliver live_updates_outbox"):
            attributes = traces.only(name).attributes or {}
            assert attributes["messaging.message.id"] == str(entry.update_id)

    def test_delivery_in_the_trace_of_the_save_links_to_the_task(
        self, site: Site, traces: Traces
    ) -> None:
        waiting(site)
        with traces.tracer.start_as_current_span("run deliver_updates"):
            deliver(Recording())
        task = traces.only("run deliver_updates")
        links = traces.only("deliver live_updates_outbox").links
        assert [link.context.span_id for link in links] == [task.context.span_id]

    def test_batch_of_several_traces_links_to_each(self, site: Site, traces: Traces) -> None:
        waiting(site, 3)
        deliver(Recording())
        records = traces.named("record live_updates_outbox")
        delivered = traces.only("deliver live_updates_outbox")
        assert parent(delivered) is None
        linked = {
            (link.context.span_id, (link.attributes or {})["messaging.message.id"])
            for link in delivered.links
        }
        assert linked == {
            (one.context.span_id, (one.attributes or {})["messaging.message.id"]) for one in records
        }

    def test_updates_of_one_batch_block_are_of_one_trace(
        self, make_site: MakeSite, traces: Traces
    ) -> None:
        sites = [make_site(), make_site()]
        with traces.tracer.start_as_current_span("import"), batch():
            outbox.record([(site.pk, update()) for site in sites], using="default")
        deliver(Recording())
        assert (
            traces.only("supabase broadcast").context.trace_id
            == traces.only("import").context.trace_id
        )

    def test_edit_without_a_trace_beside_one_with(self, site: Site, traces: Traces) -> None:
        waiting(site, 2)
        OutboxEntry.objects.filter(site_id=site.pk).earliest("pk")
        first = OutboxEntry.objects.filter(site_id=site.pk).order_by("pk").first()
        assert first is not None
        OutboxEntry.objects.filter(pk=first.pk).update(trace_context=None)
        deliver(Recording())
        delivered = traces.only("deliver live_updates_outbox")
        assert parent(delivered) is None  # the batch has other edits, too
        assert len(delivered.links) == 1

    @pytest.mark.parametrize("text", ["", "null", "[1]", '{"traceparent": 7}', "00-zz-11-01", "{"])
    def test_what_somebody_wrote_by_sql_delays_nothing(
        self, site: Site, traces: Traces, text: str
    ) -> None:
        waiting(site)
        OutboxEntry.objects.filter(site_id=site.pk).update(trace_context=text)
        assert deliver(Recording()).delivered == 1
        assert not traces.only("deliver live_updates_outbox").links

    def test_failure_is_kept_by_its_class_alone(self, site: Site, traces: Traces) -> None:
        class Away(Recording):
            def broadcast(self, updates: object) -> None:
                raise BroadcastUnavailable("what the server wrote of an article")

        waiting(site)
        deliver(Away())
        request = traces.only("supabase broadcast")
        assert request.status.status_code is StatusCode.ERROR
        assert (request.attributes or {})["error.type"] == "BroadcastUnavailable"
        assert "article" not in request.to_json()

    def test_save_that_fails_shows_no_content(self, site: Site, traces: Traces) -> None:
        with pytest.raises(IntegrityError), tracing.recording():
            raise IntegrityError("Key (slug)=(secret-merger) exists")
        assert "secret-merger" not in traces.only("record live_updates_outbox").to_json()

    def test_entry_keeps_a_w3c_trace_context(self, site: Site, traces: Traces) -> None:
        waiting(site)
        [context] = contexts(site)
        span = traces.only("record live_updates_outbox").context
        expected = f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"
        assert json.loads(context or "") == {"traceparent": expected}


def test_without_a_provider_nothing_is_written(site: Site) -> None:
    waiting(site)
    with batch():
        waiting_rows = [(site.pk, update()), (site.pk, update())]
        outbox.record(waiting_rows, using="default")
    assert contexts(site) == [None, None, None]


def test_without_a_provider_no_span_is_begun(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    monkeypatch.setattr(trace, "get_tracer", begun.append)
    waiting(site)
    deliver(Recording())
    assert not begun


def test_trace_of_another_service_is_kept_without_a_provider(site: Site) -> None:
    remote = SpanContext(0xA1, 0xB2, is_remote=True, trace_flags=TraceFlags(1))
    with trace.use_span(trace.NonRecordingSpan(remote)):
        waiting(site)
    [context] = contexts(site)
    assert json.loads(context or "") == {"traceparent": f"00-{0xA1:032x}-{0xB2:016x}-01"}


def test_without_a_trace_the_column_is_not_written(
    site: Site, django_assert_num_queries: object
) -> None:
    with connection.execute_wrapper(_refuse_the_column):
        waiting(site)


def _refuse_the_column(execute: object, sql: str, params: object, many: bool, context: object):  # type: ignore[no-untyped-def]
    assert "trace_context" not in sql or not sql.startswith("INSERT")
    return execute(sql, params, many, context)  # type: ignore[operator]


def test_client_span_carries_the_update_id(traces: Traces) -> None:
    received: list[LiveUpdate] = []
    handlers = Handlers()
    handlers.add_update(UpdateFilter(), received.append)
    one = LiveUpdate(
        str(uuid.uuid4()), str(uuid.uuid4()), "content.updated", "articles", None,
        str(uuid.uuid4()), "2026-11-01T12:00:00Z", {"title": "secret-merger"}, 1,
    )  # fmt: skip
    asyncio.run(handlers.handle(one))
    span = traces.only("handle live_updates")
    assert received == [one]
    assert span.kind is SpanKind.CONSUMER
    assert (span.attributes or {})["messaging.message.id"] == one.id
    assert "secret-merger" not in span.to_json()


def test_everything_works_without_the_library() -> None:
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from spool_live import tracing\n"
        "from spool_live.client import tracing as of_client\n"
        "assert not tracing.IS_INSTALLED and not of_client.IS_INSTALLED\n"
        "with tracing.recording() as span: span.holds(['00']); assert span.context is None\n"
        "with tracing.delivering([object()]), tracing.calling('broadcast', '', 1): pass\n"
        "with of_client.handling(None): print('fine')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "fine\n"
