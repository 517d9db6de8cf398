"""The broadcaster of production against a server that answers whatever a test wants."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.utils import timezone

from spool_live.broadcasters import (
    CleanupAnswer,
    MirrorAnswer,
    get_broadcaster,
    network,
    supabase,
)
from spool_live.broadcasters.memory import MemoryBroadcaster
from spool_live.broadcasters.supabase import SupabaseBroadcaster
from spool_live.conf import live_settings
from spool_live.exceptions import (
    BatchTooSlow,
    BroadcastRefused,
    BroadcastUnavailable,
    SpoolLiveConfigurationError,
    UnclearRefusal,
    UnknownSite,
)
from spool_live.local.processes import free_port
from spool_live.updates import Update

Live = Callable[..., None]
SECRET = "sb_secret_for_this_test_only"
SITE = uuid.uuid4()


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any
    connection: tuple[str, int]


@dataclass
class Answers:
    """The next answer of the server (status, headers, body), and the requests that it got."""

    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    asked: list[Request] = field(default_factory=list)

    def say(self, status: int, body: Any, **headers: str) -> None:
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers: Answers

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        parts = urlsplit(self.path)
        self.answers.asked.append(
            Request(
                self.command,
                parts.path,
                parse_qs(parts.query),
                {name.lower(): value for name, value in self.headers.items()},
                json.loads(self.rfile.read(length) or b"null"),
                self.client_address,
            )
        )
        self.send_response(self.answers.status)
        for name, value in self.answers.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.answers.body)))
        self.end_headers()
        self.wfile.write(self.answers.body)

    def log_message(self, *arguments: Any) -> None:
        """Log nothing."""


@pytest.fixture(autouse=True)
def _no_clients() -> Iterator[None]:
    """Closes the connections of each test when it ends."""
    yield
    while supabase._clients:
        _, client = supabase._clients.popitem()
        client.postgrest.session.close()


@pytest.fixture
def server(live: Live) -> Iterator[Answers]:
    """A server at the address in the settings."""
    answers = Answers()
    handler = type("Answering", (Handler,), {"answers": answers})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        http.daemon_threads = True
        live(SUPABASE_URL=f"http://127.0.0.1:{http.server_port}", SUPABASE_SECRET_KEY=SECRET)
        thread = threading.Thread(target=http.serve_forever, args=[0.01])
        thread.start()
        yield answers
        http.shutdown()
        thread.join()


def update(seq: int) -> Update:
    return Update(
        id=uuid.uuid4(),
        site_id=SITE,
        event_type="content.updated",
        collection="articles",
        item_id=uuid.uuid4(),
        slug=None,
        timestamp=timezone.now(),
        metadata={"title": "Füße"},
        seq=seq,
    )


class TestRequests:
    def test_broadcast_is_one_idempotent_request(self, server: Answers) -> None:
        updates = [update(seq) for seq in (1, 2, 3)]
        SupabaseBroadcaster().broadcast(updates)
        [asked] = server.asked
        assert (asked.method, asked.path) == ("POST", "/rest/v1/live_updates")
        assert asked.query["on_conflict"] == ["id"]
        assert asked.body == [update.as_row() for update in updates]
        prefer = asked.headers["prefer"]
        assert "resolution=ignore-duplicates" in prefer
        assert "return=minimal" in prefer
        assert asked.headers["apikey"] == SECRET

    def test_secret_key_is_in_headers_only(self, server: Answers) -> None:
        SupabaseBroadcaster().broadcast([update(1)])
        [asked] = server.asked
        assert SECRET not in f"{asked.path} {asked.query} {asked.body}"

    def test_mirror(self, server: Answers) -> None:
        site = {"site_id": str(SITE), "version": 3}
        server.say(200, {"version": 3, "epoch": 2, "deleted": False, "applied": True})
        answer = SupabaseBroadcaster().mirror(site)
        assert answer == MirrorAnswer(3, 2, deleted=False, applied=True)
        assert server.asked[0].path == "/rest/v1/rpc/spool_live_mirror"
        assert server.asked[0].body == {"site": site}

    def test_cleanup(self, server: Answers) -> None:
        before = timezone.now()
        server.say(200, {"deleted": 7, "busy": False, "publishes_deletes": True})
        answer = SupabaseBroadcaster().cleanup(before, 100)
        assert answer == CleanupAnswer(7, busy=False, publishes_deletes=True)
        assert server.asked[0].path == "/rest/v1/rpc/spool_live_cleanup"
        assert server.asked[0].body == {"before": before.isoformat(), "max_rows": 100}

    def test_newest_seqs(self, server: Answers) -> None:
        server.say(200, [{"seq": 70}])
        assert SupabaseBroadcaster().newest_seqs([SITE]) == {SITE: 70}
        query = server.asked[0].query
        assert query["site_id"] == [f"eq.{SITE}"]
        assert (query["order"], query["limit"]) == (["seq.desc"], ["1"])


class TestConnection:
    def test_is_kept_for_the_next_request(self, server: Answers) -> None:
        for _ in range(3):
            SupabaseBroadcaster().broadcast([update(1)])
        assert len({asked.connection for asked in server.asked}) == 1
        assert len(supabase._clients) == 1

    def test_is_the_threads_own(self, server: Answers) -> None:
        SupabaseBroadcaster().broadcast([update(1)])
        thread = threading.Thread(target=SupabaseBroadcaster().broadcast, args=[[update(2)]])
        thread.start()
        thread.join()
        assert len({asked.connection for asked in server.asked}) == 2

    def test_follows_the_settings(self, server: Answers, live: Live) -> None:
        SupabaseBroadcaster().broadcast([update(1)])
        live(SUPABASE_SECRET_KEY="sb_secret_rotated")
        SupabaseBroadcaster().broadcast([update(2)])
        assert [asked.headers["apikey"] for asked in server.asked] == [SECRET, "sb_secret_rotated"]


class TestRefusals:
    def test_error_of_the_database(self, server: Answers) -> None:
        server.say(409, {"code": "23503", "message": "no such site", "details": "", "hint": None})
        with pytest.raises(UnknownSite, match="no such site"):
            SupabaseBroadcaster().broadcast([update(1)])

    @pytest.mark.parametrize(
        ("status", "body", "kind"),
        [
            pytest.param(400, b"<html>", BroadcastUnavailable, id="page of a proxy"),
            pytest.param(401, {"message": "Invalid API key"}, BroadcastUnavailable, id="bad key"),
            pytest.param(403, b"", BroadcastUnavailable, id="forbidden"),
            pytest.param(404, b"Not Found", BroadcastUnavailable, id="wrong address"),
            pytest.param(413, b"too large", BroadcastRefused, id="too large"),
            pytest.param(500, b"", BroadcastUnavailable, id="server error"),
            pytest.param(502, b"<html>bad gateway", BroadcastUnavailable, id="bad gateway"),
            pytest.param(503, {"code": 503, "message": "no"}, BroadcastUnavailable, id="number"),
            pytest.param(400, ["what"], BroadcastUnavailable, id="array"),
            pytest.param(400, {"code": "22P02", "message": "no", "details": [1]}, BroadcastRefused),
        ],
    )
    def test_answer_of_whatever_shape(
        self, status: int, body: Any, kind: type[Exception], server: Answers
    ) -> None:
        server.say(status, body)
        broadcaster = SupabaseBroadcaster()
        for call in (
            lambda: broadcaster.broadcast([update(1)]),
            lambda: broadcaster.mirror({"site_id": str(SITE)}),
            lambda: broadcaster.cleanup(timezone.now(), 1),
            lambda: broadcaster.newest_seqs([SITE]),
        ):
            with pytest.raises(kind):
                call()

    @pytest.mark.parametrize("body", [b"", b"<html>log in", b"null", b'"text"', b"[]", b'{"a": 1}'])
    def test_success_that_is_none(self, body: bytes, server: Answers) -> None:
        """A captive portal, a page of a proxy, another function of that name."""
        server.say(200, body)
        for call in (
            lambda: SupabaseBroadcaster().mirror({"site_id": str(SITE)}),
            lambda: SupabaseBroadcaster().cleanup(timezone.now(), 1),
        ):
            with pytest.raises(BroadcastUnavailable, match="is not PostgREST"):
                call()

    @pytest.mark.parametrize("body", [b"<html>log in", b'{"a": 1}', b'[{"seq": "1"}]', b"[1]"])
    def test_page_is_not_an_answer(self, body: bytes, server: Answers) -> None:
        server.say(200, body)
        for call in (
            lambda: SupabaseBroadcaster().broadcast([update(1)]),
            lambda: SupabaseBroadcaster().newest_seqs([SITE]),
        ):
            with pytest.raises(BroadcastUnavailable, match="is not PostgREST"):
                call()

    @pytest.mark.parametrize("status", [200, 202, 204, 207, 299])
    @pytest.mark.parametrize("body", [b"", b"{}", b"[]"])
    def test_foreign_success_is_not_a_delivery(
        self, status: int, body: bytes, server: Answers
    ) -> None:
        """The rows are looked up, and are not stored."""
        server.say(status, b"" if status == 204 else body)
        with pytest.raises(BroadcastUnavailable):
            SupabaseBroadcaster().broadcast([update(1)])
        assert [asked.method for asked in server.asked] == ["POST", "GET"]

    def test_foreign_success_is_a_delivery_where_the_rows_are_there(self, server: Answers) -> None:
        """A proxy may change the status of the answer although the rows are stored."""
        updates = [update(seq) for seq in range(1, 251)]
        server.say(200, [{"id": str(one.id)} for one in updates])
        SupabaseBroadcaster().broadcast(updates)
        assert [asked.method for asked in server.asked] == ["POST", "GET", "GET", "GET"]
        del updates[:100]
        server.say(200, [{"id": str(one.id)} for one in updates[1:]])
        with pytest.raises(UnclearRefusal, match="HTTP 200, and nothing is stored"):
            SupabaseBroadcaster().broadcast(updates)

    def test_created_with_a_body_is_looked_at_again(self, server: Answers) -> None:
        server.say(201, [{"id": 1}])
        with pytest.raises(BroadcastUnavailable):
            SupabaseBroadcaster().broadcast([update(1)])

    @pytest.mark.parametrize("answer", [{"version": "3"}, {"deleted": 0}, {"more": 1}])
    def test_answer_of_other_types_is_not_ours(
        self, answer: dict[str, Any], server: Answers
    ) -> None:
        server.say(200, {"version": 3, "epoch": 2, "deleted": False, "applied": True, **answer})
        with pytest.raises(BroadcastUnavailable, match="is not PostgREST"):
            SupabaseBroadcaster().mirror({"site_id": str(SITE)})

    @pytest.mark.parametrize(("header", "asked"), [("0", None), ("7", 7.0), ("soon", None)])
    def test_reason_is_kept_beside_retry_after(
        self, header: str, asked: float | None, server: Answers
    ) -> None:
        """PostgREST's 503s always have the header, mostly with 0."""
        body = {"code": "53100", "message": "could not extend file", "details": "", "hint": None}
        server.say(503, body, Retry_After=header)
        with pytest.raises(BroadcastUnavailable, match="53100: could not extend file") as refusal:
            SupabaseBroadcaster().broadcast([update(1)])
        assert refusal.value.retry_after == asked

    def test_secret_that_an_answer_repeats_is_not_repeated(self, server: Answers) -> None:
        server.say(403, f"you sent apikey {SECRET}".encode())
        with pytest.raises(UnclearRefusal) as refusal:
            SupabaseBroadcaster().broadcast([update(1)])
        assert SECRET not in str(refusal.value)

    def test_error_never_holds_the_secret(self, server: Answers) -> None:
        server.say(401, {"message": "Invalid API key"})
        with pytest.raises(BroadcastUnavailable) as refusal:
            SupabaseBroadcaster().broadcast([update(1)])
        assert SECRET not in str(refusal.value)


class TestNetwork:
    """Each failure names its cause."""

    def test_nobody_listens(self, live: Live) -> None:
        live(SUPABASE_URL=f"http://127.0.0.1:{free_port()}", SUPABASE_SECRET_KEY=SECRET)
        with pytest.raises(BroadcastUnavailable, match="nothing listens there"):
            SupabaseBroadcaster().broadcast([update(1)])

    def test_name_that_is_not_known(self, live: Live) -> None:
        live(SUPABASE_URL="http://supabase.invalid", SUPABASE_SECRET_KEY=SECRET)
        with pytest.raises(BroadcastUnavailable, match="its name cannot be resolved"):
            SupabaseBroadcaster().broadcast([update(1)])

    def test_tls_where_there_is_none(self, server: Answers, live: Live) -> None:
        url = live_settings().supabase_url.replace("http:", "https:")
        live(SUPABASE_URL=url, SUPABASE_SECRET_KEY=SECRET)
        with pytest.raises(BroadcastUnavailable, match="TLS fails"):
            SupabaseBroadcaster().broadcast([update(1)])

    def test_certificate_that_is_not_trusted(self) -> None:
        refused = ssl.SSLCertVerificationError(1, "certificate verify failed")
        error = httpx.ConnectError("TLS")
        error.__cause__ = refused
        message = str(network.error_of(error, 15))
        assert "TLS certificate is not accepted" in message
        assert "clock" in message

    def test_no_answer_in_time_is_not_the_networks(self) -> None:
        error = network.error_of(httpx.ReadTimeout("late"), 15)
        assert type(error) is BatchTooSlow
        assert "out of connections" in str(error)
        assert "ReadTimeout after 15 s" in str(error)

    def test_nobody_answers(self, live: Live) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            live(SUPABASE_URL=url, SUPABASE_SECRET_KEY=SECRET, REQUEST_TIMEOUT=0.1)
            with pytest.raises(BroadcastUnavailable, match="Timeout"):
                SupabaseBroadcaster().broadcast([update(1)])

    def test_connection_is_cut(self, live: Live) -> None:
        with socket.create_server(("127.0.0.1", 0)) as rude:

            def hang_up() -> None:
                rude.accept()[0].close()

            thread = threading.Thread(target=hang_up)
            thread.start()
            url = f"http://127.0.0.1:{rude.getsockname()[1]}"
            live(SUPABASE_URL=url, SUPABASE_SECRET_KEY=SECRET)
            with pytest.raises(BroadcastUnavailable):
                SupabaseBroadcaster().broadcast([update(1)])
            thread.join()


class TestSettings:
    @pytest.mark.parametrize("missing", ["SUPABASE_URL", "SUPABASE_SECRET_KEY"])
    def test_what_is_not_set_is_named(self, missing: str, live: Live) -> None:
        live(**{"SUPABASE_URL": "http://127.0.0.1:9", "SUPABASE_SECRET_KEY": SECRET, missing: ""})
        with pytest.raises(BroadcastUnavailable, match=missing):
            SupabaseBroadcaster().broadcast([update(1)])

    @pytest.mark.parametrize("url", ["127.0.0.1:54321", "project.supabase.co", "nonsense"])
    def test_address_that_is_none(self, url: str, live: Live) -> None:
        live(SUPABASE_URL=url, SUPABASE_SECRET_KEY=SECRET)
        with pytest.raises(BroadcastUnavailable, match="SUPABASE_URL"):
            SupabaseBroadcaster().broadcast([update(1)])

    def test_get_broadcaster_makes_the_configured_one(self, live: Live) -> None:
        assert isinstance(get_broadcaster(), MemoryBroadcaster)
        live(BROADCASTER="spool_live.broadcasters.supabase.SupabaseBroadcaster")
        assert isinstance(get_broadcaster(), SupabaseBroadcaster)

    @pytest.mark.parametrize("path", ["no.such.module", "spool_live.delivery.Nothing", "plain"])
    def test_broadcaster_that_cannot_be_imported(self, path: str, live: Live) -> None:
        live(BROADCASTER=path)
        with pytest.raises(SpoolLiveConfigurationError, match="cannot be imported"):
            get_broadcaster()

    def test_broadcaster_that_is_none(self, live: Live) -> None:
        live(BROADCASTER="spool_live.delivery.DeliveryReport")
        with pytest.raises(SpoolLiveConfigurationError, match="is not a subclass of Broadcaster"):
            get_broadcaster()
