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
_COLD = "a server that has just started: here a join waits until changes come in"
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
REPLAYED: Final = tuple(load(path) for path in sorted(FOLDER.glob("*.jsonl")))
RECORDINGS: Final = 66

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

_REMARKS = re.compile(
    r"refresh with .*|rejoin same topic .*|system ok came .*|client broadcast without .*"
    r"|token refresh that loses .*|anon on private|no heartbeat from here on|replay on a .*"
    r"|limit 50, since .*|NOTICE .*"
    # the server's own table of subscriptions, which this server keeps in memory
    r"|SQL: select entity::text, filters from realtime.subscription |\[\('live_tmp', '{}'\)\]"
)
_API_KEYS: Final = {
    "03a_handshake_no_apikey": None,
    "03b_handshake_garbage": "garbage",
    "03c_handshake_wrong_signature": 'jwt-of-another-secret {"role": "anon", "iat": 0, "exp": 60}',
    "03d_handshake_expired": 'jwt {"role": "anon", "iat": 60, "exp": 0}',
    "03f_handshake_no_exp": 'jwt {"role": "anon", "iat": 0}',
    "06c_apikey_expires": 'jwt {"role": "anon", "iat": 0, "exp": 8}',
}
_ANON: Final = 'jwt {"role": "anon", "iat": 0, "exp": 3600}'


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
    impatient = recording.name == "09_no_heartbeat"
    serving = request.getfixturevalue("impatient_server" if impatient else "recorded_server")
    async with Witness.of(serving, sql) as witness, Replay(recording, serving, sql, witness) as it:
        for step in recording.steps:
            await it.take(step)


def test_every_recording_is_replayed_or_excused() -> None:
    replayed = {recording.name for recording in REPLAYED}
    assert not replayed & NOT_REPLAYED.keys()
    assert len(replayed) + len(NOT_REPLAYED) == RECORDINGS


class Replay:
    """Takes the client's side of a recording and expects the server's."""

    def __init__(self, recording: Recording, serving: Serving, sql: Sql, witness: Witness) -> None:
        self._recording = recording
        self._serving = serving
        self._sql = sql
        self._witness = witness
        self._open = AsyncExitStack()
        self._wire: Wire | None = None
        self._tokens: dict[str, str] = {}
        self._api_key_expires = 0.0

    async def __aenter__(self) -> Replay:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._open.aclose()

    async def take(self, step: Step) -> None:
        """One step; a note that nobody knows fails."""
        if step.kind == "sent":
            await self.wire.connection.send(json.dumps(self._with_own_tokens(step.content)))
        elif step.kind == "received":
            await self._expect(step.content)
        else:
            await self._note(step.content)

    @property
    def wire(self) -> Wire:
        assert self._wire is not None, "the recording has no open socket here"
        return self._wire

    async def _expect(self, recorded: Any) -> None:
        if self._recording.name == "22_table_recreated" and recorded["event"] == "system":
            await self._witness.everything_sent()
            self._serving.call(self._serving.server.follow_publication())
        received = await self.wire.receive()
        assert essence(received) == essence(recorded)

    async def _note(self, note: str) -> None:
        if note.startswith("open "):
            await self._connect(note)
        elif note.startswith("(waited"):
            await self._nothing_more()
        elif note.startswith("SQL as authenticated"):
            self._send_as_authenticated()
        elif note.startswith("socket closed"):
            await self._end()
        elif note == "apikey of the socket is now expired":
            await asyncio.sleep(self._api_key_expires - time.time())
        elif note.startswith("SQL:") and not _REMARKS.fullmatch(note):
            self._execute(note.removeprefix("SQL:").strip())
        else:
            known = _REMARKS.fullmatch(note) or note.startswith("handshake")
            assert known, f"nobody knows what to do about {note!r}"

    async def _connect(self, note: str) -> None:
        """Open the socket; where the recording was refused, so must we be, with the same words."""
        found = re.fullmatch(r"open ws://([\w.-]+):4000/.*", note)
        assert found is not None
        config = self._serving.config
        key = _API_KEYS.get(self._recording.name, _ANON)
        query = "" if key is None else f"apikey={self._token(key)}&"
        url = f"ws://{found[1]}:{config.port}/realtime/v1/websocket?{query}vsn=1.0.0"
        connecting = websockets.connect(url, host=config.host, port=config.port, max_size=None)
        refused = self._recorded_refusal()
        if refused is None:
            self._wire = Wire(await self._open.enter_async_context(connecting), "1.0.0")
            return
        with pytest.raises(websockets.InvalidStatus) as caught:
            await self._open.enter_async_context(connecting)
        response = caught.value.response
        assert (response.status_code, json.loads(response.body)) == refused

    def _recorded_refusal(self) -> tuple[int, Any] | None:
        for step in self._recording.steps:
            found = step.kind == "note" and re.fullmatch(
                r"handshake refused: HTTP (\d+) body=bytearray\(b'(.*)'\)", step.content
            )
            if found:
                return int(found[1]), json.loads(found[2])
        return None

    async def _nothing_more(self) -> None:
        if self.wire.connection.state is websockets.State.OPEN:
            await self._witness.everything_sent()
            await self.wire.quiet()

    async def _end(self) -> None:
        """In one recording it was the server that closed the socket."""
        if self._recording.name == "09_no_heartbeat":
            assert await self.wire.closed(_IDLE_TIMEOUT + PATIENCE) == 1000
        await self.wire.connection.close()

    def _execute(self, statement: str) -> None:
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
        replay = payload.get("config", {}).get("broadcast", {}).get("replay")
        if replay is not None:
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
