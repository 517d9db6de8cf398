"""A stand-in for Supabase's REST side over a real socket that fails in the ways a test asks for.

It keeps the rules of the real table: one row an id, one row a site's number.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Fault:
    """How one request fails. ``stored``: the rows are taken all the same."""

    status: int = 500
    body: bytes = b'{"code": "XX000", "message": "broken", "details": null, "hint": null}'
    headers: dict[str, str] = field(default_factory=dict)
    stored: bool = False
    silent: bool = False
    """The connection is closed without an answer."""
    truncated: bool = False
    """The answer ends before its announced length."""
    hangs: bool = False
    """No answer, and the connection stays open until the receiver is released."""
    drips: bool = False
    """The body comes a byte at a time, and without end."""


class FaultyReceiver(ThreadingHTTPServer):
    """``faults`` are used up one a write; ``always`` is what comes after them; ``largest`` bodies
    are refused with 413; a body that names an id of ``guilty`` always meets that fault."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.faults: list[Fault] = []
        self.always: Fault | None = None
        self.largest: int | None = None
        self.guilty: dict[str, Fault] = {}
        self.rows: dict[str, dict[str, Any]] = {}
        self.sites: set[str] | None = None
        self.mirrored: dict[str, dict[str, Any]] = {}
        self.writes = 0
        self.released = threading.Event()
        self.guard = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def seqs(self, site_id: object) -> list[int]:
        """The numbers of a site in the order in which its rows came."""
        return [row["seq"] for row in self.rows.values() if row["site_id"] == str(site_id)]

    def next_fault(self) -> Fault | None:
        with self.guard:
            self.writes += 1
            return self.faults.pop(0) if self.faults else self.always

    def store(self, rows: list[dict[str, Any]]) -> Fault | None:
        """Takes ``rows``, all or none; the refusal where the table would refuse."""
        with self.guard:
            fresh = [row for row in rows if row["id"] not in self.rows]
            taken = {(row["site_id"], row["seq"]) for row in self.rows.values()}
            if self.sites is not None and any(row["site_id"] not in self.sites for row in fresh):
                return _refusal(409, "23503", "violates foreign key constraint")
            if any((row["site_id"], row["seq"]) in taken for row in fresh):
                return _refusal(409, "23505", 'violates "live_updates_site_seq"')
            self.rows.update((row["id"], row) for row in fresh)
            return None

    def mirror(self, site: dict[str, Any]) -> dict[str, Any]:
        """Takes a site, unless a newer version of it is known."""
        with self.guard:
            if self.sites is not None:
                self.sites.add(site["site_id"])
            held = self.mirrored.get(site["site_id"], site)
            applied = all(held[name] <= site[name] for name in ("version", "epoch"))
            held = site if applied else held
            self.mirrored[site["site_id"]] = held
            known = {name: held[name] for name in ("version", "epoch", "deleted")}
            return {**known, "applied": applied}

    def clean(self, before: str) -> dict[str, Any]:
        """Removes rows that are older, as far as their edits' times tell."""
        moment = datetime.fromisoformat(before)
        with self.guard:
            times = {key: row["timestamp"] for key, row in self.rows.items()}
            old = [key for key, at in times.items() if datetime.fromisoformat(at) < moment]
            for key in old:
                del self.rows[key]
        return {"deleted": len(old), "busy": False, "publishes_deletes": False}


def _refusal(status: int, code: str, message: str) -> Fault:
    body = json.dumps({"code": code, "message": message, "details": None, "hint": None})
    return Fault(status, body.encode())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyReceiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/rest/v1/rpc/spool_live_mirror"):
            told = json.loads(body)["site"]
            answer: Any = (
                [{"site_id": one["site_id"], **self.server.mirror(one)} for one in told]
                if isinstance(told, list)
                else self.server.mirror(told)
            )
            self._answer(200, json.dumps(answer).encode())
            return
        if self.path.startswith("/rest/v1/rpc/spool_live_cleanup"):
            self._answer(200, json.dumps(self.server.clean(json.loads(body)["before"])).encode())
            return
        fault = self.server.next_fault()
        for update_id, its_own in self.server.guilty.items():
            fault = its_own if update_id.encode() in body else fault
        if fault is None and self.server.largest is not None and len(body) > self.server.largest:
            fault = Fault(413, b"too large")
        if fault is None or fault.stored:
            fault = self.server.store(json.loads(body)) or fault
        if fault is None:
            self._answer(201, b"")
        else:
            self._fail(fault)

    def do_GET(self) -> None:
        if "select=id" in self.path:
            found_ids = [{"id": key} for key in self.server.rows if key in self.path]
            self._answer(200, json.dumps(found_ids).encode())
            return
        rows = [row for row in self.server.rows.values() if f"eq.{row['site_id']}" in self.path]
        newest = max(rows, key=lambda row: row["seq"], default=None)
        found = [] if newest is None else [{"seq": newest["seq"]}]
        self._answer(200, json.dumps(found).encode())

    def _fail(self, fault: Fault) -> None:
        if fault.hangs:
            self.server.released.wait(30)
        if fault.hangs or fault.silent:
            self.close_connection = True
            return
        if fault.drips:
            self._drip(fault)
            return
        self._answer(fault.status, fault.body, fault.headers, lie=1000 if fault.truncated else 0)
        self.close_connection = fault.truncated

    def _answer(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, *, lie: int = 0
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) + lie))
        self.end_headers()
        self.wfile.write(body)

    def _drip(self, fault: Fault) -> None:
        self.close_connection = True
        self.send_response(fault.status)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        with suppress(OSError):  # the client has left
            while not self.server.released.wait(0.02):
                self.wfile.write(b" ")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Keeps quiet."""


@contextmanager
def faulty_receiver() -> Iterator[FaultyReceiver]:
    """A receiver that serves while the block runs."""
    server = FaultyReceiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
