"""Replays recordings of the real server and compares every frame that this one sends.

Frames must come in the recorded order and be equal but for ids and times. "No such frame" is
proved, not waited for: whatever a commit causes has been sent when a later commit has reached a
witness.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import jwt
import psycopg
import pytest
import websockets

from spool_live.local.config import LocalSupabaseConfig, Penalties
from spool_live.local.realtime.options import RealtimeOptions
from tests.local.realtime.recordings import FOLDER, Recording, Step, essence, load
from tests.local.realtime.serving import Serving, serve
from tests.local.realtime.sql import Sql
from tests.local.realtime.wire import PATIENCE, Wire, mint
from tests.local.realtime.witness import Witness

_RATE_LIMIT = "rate limits: a development server has none"
_RESTART = "the official client while the server or PostgreSQL is away: test_outages.py"
_COLD = "which rows of a server's first seconds are lost is chance: test_pace.py"
_OFFICIAL = "the official Python client: test_official_client.py"

NOT_REPLAYED: Final = {
    "00_subscribed_ok_but_cdc_broken": "an accident: PostgreSQL had refused the replication slot",
    "10a_join_rate_limit": _RATE_LIMIT,
    "10b_db_events_rate_limit": _RATE_LIMIT,
    "10c_broadcast_rate_limit": _RATE_LIMIT,
    "10d_max_users_and_channels": _RATE_LIMIT + "; too many channels: test_joins.py",
    "11a_server_restart_graceful": _RESTART,
    "11b_server_restart_kill9": _RESTART,
    "11c_server_down_40s": _RESTART,
    "11d_server_frozen_50s": _RESTART,
    "12a_postgres_restart_fast": _RESTART,
    "12b_postgres_down_30s": _RESTART,
    "12c_terminate_backends": _RESTART,
    "12d_pg_restart_broadcast_recovery": _RESTART,
    "12e_postgres_down_150s": _RESTART,
    "20a_cold_start_broadcast": _COLD,
    "20b_cold_start_broadcast_replication_ready": _COLD + "; its messages: test_broadcasts.py",
    "20c_cold_start_postgres_changes": _COLD,
    "21a_channel_process_killed": "a process of the server is killed; phx_error: test_sockets.py",
    "21c_cdc_supervisor_stopped": "a process of the server is stopped",
    "P01_py_subscribe_insert": _OFFICIAL,
    "P05a_py_token_expires": _OFFICIAL,
    "P06_py_bad_filter": _OFFICIAL,
    "P07_py_no_grant": _OFFICIAL,
    "P08_py_private_denied": _OFFICIAL,
    "P10_py_bad_apikey": _OFFICIAL,
    "P11_py_bad_access_token": _OFFICIAL,
    "P12_py_idle_close_1000": _OFFICIAL,
    "P13_supabase_client": _OFFICIAL,
}
REPLAYED: Final = tuple(
    load(path) for path in sorted(FOLDER.glob("*.jsonl")) if path.stem not in NOT_REPLAYED
)

SHORTENED: Final = {
    "handshake refusal": "2 s in the recordings, none here",
    "join refusal": "5 s in the recordings, none here",
    "claims swap": "1 to 3 s in the recordings, half a second here",
    "tokens that live 8 s": "live 2 s here",
    "idle timeout": "60 s in the recordings, half a second here",
    "publication check": "within 60 s in the recordings, here when the recording shows its effect",
}
"""Durations that are not replayed."""

_CLAIMS_SWAP = 0.5
_IDLE_TIMEOUT = 0.5
_SHORT_LIFE = 2

_OWN_TABLES = "realtime.subscription"
"""What the recorded server keeps in a table, and this one in memory: not to be asked for."""
_REFUSED_KEYS: Final = {
    "API key is missing": None,
    "The token provided is not a valid JWT": "garbage",
    "Failed to validate JWT signature": (
        'jwt-of-another-secret {"role": "anon", "iat": 0, "exp": 60}'
    ),
    "Token has expired": 'jwt {"role": "anon", "iat": 60, "exp": 0}',
    "Fields `role` and `exp` are required in JWT": 'jwt {"role": "anon", "iat": 0}',
}
"""The API key that is refused with this text: the recordings do not show theirs."""
_ANON: Final = 'jwt {"role": "anon", "iat": 0, "exp": 3600}'
_SHORT_LIVED: Final = 'jwt {"role": "anon", "iat": 0, "exp": 8}'
_SILENCE = "no heartbeat from here on"


@pytest.fixture(scope="module")
def recorded_server(recorded_schema: None, local_config: LocalSupabaseConfig) -> Iterator[Serving]:
    """As the recorded one, but quicker: see SHORTENED."""
    options = RealtimeOptions(tenant="realtime-dev", publication_check=3600)
    with serve(
        local_config, options=options, penalties=Penalties(claims_swap=_CLAIMS_SWAP)
    ) as running:
        yield running


@pytest.fixture(scope="module")
def impatient_server(recorded_schema: None, local_config: LocalSupabaseConfig) -> Iterator[Serving]:
    """The same with a short idle timeout."""
    options = RealtimeOptions(tenant="realtime-dev", idle_timeout=_IDLE_TIMEOUT)
    with serve(local_config, options=options) as running:
        yield running


@pytest.mark.parametrize("recording", REPLAYED, ids=[recording.name for recording in REPLAYED])
async def test_every_frame_of_the_recording(
    recording: Recording, request: pytest.FixtureRequest, sql: Sql
) -> None:
    impatient = Step("note", _SILENCE) in recording.steps
    serving = request.getfixturevalue("impatient_server" if impatient else "recorded_server")
    async with Witness.of(serving, sql) as witness, Replay(recording, serving, sql, witness) as it:
        for step in recording.steps:
            await it.take(step)


def test_there_is_something_to_replay() -> None:
    assert REPLAYED, f"there are no recordings in {FOLDER}"


def test_frames_of_either_serializer_read_alike(tmp_path: Path) -> None:
    """A recording with unknown records, notes and sockets can be read as well."""
    title = {"t": 0, "dir": "#", "note": "title"}
    steps = [
        {"t": 0, "dir": "#", "tag": None, "note": "B7 open ws://x:4000/socket/websocket?vsn=2.0.0"},
        {"t": 1, "dir": ">", "tag": "B7 ", "frame": '["1","1","realtime:a","phx_join",{}]'},
        {"t": 2, "dir": "%", "cpu": 12},
        {"t": 3, "dir": "#", "note": "the moon is full"},
        {
            "t": 4,
            "dir": "<",
            "frame": '{"topic":"realtime:a","event":"e","payload":{},"ref":null}',
        },
    ]
    file = tmp_path / "99_new.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in [title, *steps]))
    opened, join, moon, event = load(file).steps
    assert (opened.tag, opened.content[:10]) == ("B7", "open ws://")
    assert (join.tag, join.content["event"], join.content["join_ref"]) == ("B7", "phx_join", "1")
    assert (moon.kind, event.content["event"]) == ("note", "e")


class Replay:
    """Takes the client's side of a recording and expects the server's."""

    def __init__(self, recording: Recording, serving: Serving, sql: Sql, witness: Witness) -> None:
        self._recording = recording
        self._serving = serving
        self._sql = sql
        self._witness = witness
        self._open = AsyncExitStack()
        self._wires: dict[str, Wire] = {}
        self._recreated = False
        self._tokens: dict[str, str] = {}
        self._api_key_expires = 0.0

    async def __aenter__(self) -> Replay:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._open.aclose()

    async def take(self, step: Step) -> None:
        """One step; a note that says nothing of what was done is a remark."""
        if step.kind == "sent":
            await self._send(self._with_own_tokens(step.content), self.wire(step.tag))
        elif step.kind == "received":
            await self._expect(step.content, self.wire(step.tag))
        else:
            await self._note(step.content, step.tag)

    def wire(self, tag: str) -> Wire:
        assert tag in self._wires, "the recording has no open socket here"
        return self._wires[tag]

    async def _send(self, frame: Any, wire: Wire) -> None:
        names = ("join_ref", "ref", "topic", "event", "payload")
        content = frame if wire.vsn == "1.0.0" else [frame.get(name) for name in names]
        await wire.connection.send(json.dumps(content))

    async def _expect(self, recorded: Any, wire: Wire) -> None:
        if self._recreated and recorded["event"] == "system":
            await self._witness.everything_sent()
            self._serving.call(self._serving.server.follow_publication())
        received = await wire.receive()
        assert essence(received) == essence(recorded)

    async def _note(self, note: str, tag: str) -> None:
        if note.startswith("open "):
            await self._connect(note, tag)
        elif note == "sent non-JSON frame":
            await self.wire(tag).connection.send("this is not JSON")
        elif note.startswith("(waited"):
            await self._nothing_more(tag)
        elif note.startswith("SQL as authenticated"):
            self._send_as_authenticated()
        elif note.startswith("socket closed"):
            await self._end(tag)
        elif note == "apikey of the socket is now expired":
            await asyncio.sleep(self._api_key_expires - time.time())
        elif note.startswith("SQL:") and _OWN_TABLES not in note:
            self._execute(note.removeprefix("SQL:").strip())

    async def _connect(self, note: str, tag: str) -> None:
        """Open the socket; where the recording was refused, so must we be, with the same words."""
        found = re.fullmatch(r"open ws://([\w.-]+)(?::\d+)?/\S*?(?:vsn=([\d.]+))?", note)
        assert found is not None, note
        config, vsn = self._serving.config, found[2] or "1.0.0"
        refused = self._recorded_refusal()
        key = self._api_key(refused)
        query = "" if key is None else f"apikey={self._token(key)}&"
        url = f"ws://{found[1]}:{config.port}/realtime/v1/websocket?{query}vsn={vsn}"
        connecting = websockets.connect(url, host=config.host, port=config.port, max_size=None)
        if refused is None:
            self._wires[tag] = Wire(await self._open.enter_async_context(connecting), vsn)
            return
        with pytest.raises(websockets.InvalidStatus) as caught:
            await self._open.enter_async_context(connecting)
        response = caught.value.response
        assert (response.status_code, json.loads(response.body)) == refused

    def _api_key(self, refused: tuple[int, Any] | None) -> str | None:
        """One that the recording can have been made with: it shows what became of it."""
        if refused is not None:
            return _REFUSED_KEYS.get(refused[1]["error"], _ANON)
        expires = Step("note", "apikey of the socket is now expired") in self._recording.steps
        return _SHORT_LIVED if expires else _ANON

    def _recorded_refusal(self) -> tuple[int, Any] | None:
        for step in self._recording.steps:
            found = step.kind == "note" and re.fullmatch(
                r"handshake refused: HTTP (\d+) body=bytearray\(b'(.*)'\)", step.content
            )
            if found:
                return int(found[1]), json.loads(found[2])
        return None

    async def _nothing_more(self, tag: str) -> None:
        wire = self.wire(tag)
        if wire.connection.state is websockets.State.OPEN:
            await self._witness.everything_sent()
            await wire.quiet()

    async def _end(self, tag: str) -> None:
        """Where the client fell silent it was the server that closed the socket."""
        wire = self.wire(tag)
        if Step("note", _SILENCE) in self._recording.steps:
            assert await wire.closed(_IDLE_TIMEOUT + PATIENCE) == 1000
        await wire.connection.close()

    def _execute(self, statement: str) -> None:
        self._recreated = self._recreated or statement.startswith("drop table")
        update = re.match(r"insert into live_updates\(site_id='(\w+)', kind='([^']*)'\)", statement)
        if update is not None:
            site, kind = update.groups()
            size = {"200KB": 200_000, "1.2MB": 1_200_000}.get(kind)
            payload = {"p": "a" * size} if size else {"a": 1} if kind == "hello" else {}
            self._sql(
                "insert into live_updates (site_id, kind, payload) values (%s, %s, %s)",
                site,
                kind,
                json.dumps(payload),
            )
        elif (numbered := re.fullmatch(r"(.*) \[(\d+)\]", statement)) is not None:
            self._sql(numbered[1], int(numbered[2]))
        else:
            self._sql(statement)

    def _send_as_authenticated(self) -> None:
        """No policy lets the role insert: realtime.send warns and loses the message."""
        with psycopg.connect(self._serving.config.conninfo("authenticator")) as connection:
            connection.execute("set role authenticated")
            connection.execute("select realtime.send('{}', 'u', 'site:x60', true)")

    def _with_own_tokens(self, frame: Any) -> Any:
        payload = dict(frame["payload"])
        if isinstance(payload.get("access_token"), str):
            payload["access_token"] = self._token(payload["access_token"])
        config = payload.get("config")
        broadcast = config.get("broadcast") if isinstance(config, dict) else None
        replay = broadcast.get("replay") if isinstance(broadcast, dict) else None
        if isinstance(replay, dict):
            replay["since"] = int((time.time() - 60) * 1000)
        return {**frame, "payload": payload}

    def _token(self, notation: str) -> str:
        """A token as the recording writes it, minted anew; the same twice where it was."""
        kind, _, claims = notation.partition(" ")
        if kind not in ("jwt", "jwt-of-another-secret"):
            return notation
        if notation not in self._tokens:
            content = json.loads(claims)
            life = content.pop("exp", None)
            lifetime = None if life is None else life - content.pop("iat", 0)
            self._tokens[notation] = self._mint(kind, lifetime, content)
        return self._tokens[notation]

    def _mint(self, kind: str, lifetime: int | None, claims: dict[str, Any]) -> str:
        short = lifetime is not None and 0 < lifetime < 10
        seconds = _SHORT_LIFE if short else lifetime or 0
        if short:
            self._api_key_expires = time.time() + seconds
        own = {"role": None, **claims} | ({"exp": None} if lifetime is None else {})
        token = mint(self._serving, seconds, **own)
        if kind == "jwt":
            return token
        content = jwt.decode(token, options={"verify_signature": False})
        return jwt.encode(content, "another secret that is long enough too", algorithm="HS256")
