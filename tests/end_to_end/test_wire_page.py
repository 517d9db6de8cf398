"""A client that knows nothing but docs/reference/wire.md: its frames are those of the page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from django.conf import LazySettings
from websockets.sync.client import ClientConnection, connect

from spool_live import keys
from spool_live.delivery import mirror
from tests.blocks import ROOT, blocks_of
from tests.end_to_end.conftest import Road

PAGE = "docs/reference/wire.md"
TEXT = (ROOT / PAGE).read_text("utf-8")
BLOCKS = blocks_of(PAGE)
WAIT = 30.0
Frame = dict[str, Any]


def block(heading: str, language: str = "json") -> str:
    """The first block of the section with this heading."""
    found = [one for one in BLOCKS if (one.heading, one.language) == (heading, language)]
    assert found, heading
    return found[0].text


def join_frame(token: Frame) -> Frame:
    """The join of the page, for this token."""
    mode = token["realtime"]["mode"]
    title = "broadcast" if mode == "broadcast" else "Postgres Changes"
    frame: Frame = json.loads(block(f"Join with {title}"))
    assert frame["topic"].startswith("realtime:")
    frame["topic"] = f"realtime:{token['realtime'][mode]['topic']}"
    frame["payload"]["access_token"] = token["token"]
    for binding in frame["payload"]["config"].get("postgres_changes", ()):
        binding["filter"] = token["realtime"][mode]["filter"]
    return frame


@contextmanager
def joined(token: Frame) -> Iterator[ClientConnection]:
    """A socket whose topic is joined and ready."""
    found = re.search(r"^wss://<supabase host>(/\S+)$", TEXT, re.MULTILINE)
    assert found
    host = token["supabase_url"].replace("http", "ws", 1)
    url = host + found[1].replace("<supabase_key>", token["supabase_key"])
    socket = connect(url)
    with socket:
        socket.send(json.dumps(join_frame(token)))
        reply = received(socket, "phx_reply")
        assert reply["payload"]["status"] == "ok", reply
        while received(socket, "system")["payload"]["message"] not in ready_messages():
            pass
        yield socket


def ready_messages() -> set[str]:
    section = re.split(r"^### Ready\n", TEXT, flags=re.MULTILINE)[1]
    return set(re.findall(r"^- `([^`]+)`", section, re.MULTILINE))


def received(socket: ClientConnection, event: str, name: str = "") -> Frame:
    """The next frame of this event (and of this name, with broadcast)."""
    while True:
        frame: Frame = json.loads(socket.recv(timeout=WAIT))
        if frame["event"] == event and (not name or frame["payload"]["event"] == name):
            return frame


def caught_up(road: Road, key: str, after: int) -> Frame:
    headers = {"Authorization": f"Api-Key {key}"}
    answer = httpx.get(f"{road.api_url}updates/", params={"after": after}, headers=headers)
    page: Frame = answer.raise_for_status().json()
    return page


def test_broadcasts_are_as_the_page_says(road: Road) -> None:
    site, key = road.site("A")
    token = road.token(key)
    with joined(token) as socket:
        article = road.edit(site, "first")
        frame = received(socket, "broadcast", "live_updates")
        documented = json.loads(block("`live_updates`"))
        assert frame.keys() == documented.keys()
        inner = frame["payload"]["payload"]
        assert documented["payload"]["payload"].keys() <= inner.keys()
        [update] = inner["changes"]
        assert update.keys() == json.loads(block("An update")).keys()
        assert (update["item_id"], update["slug"]) == (str(article.pk), "first")
        page = caught_up(road, key, token["seq"])
        assert (page["status"], page["next"], page["epoch"]) == ("recovered", None, inner["epoch"])
        assert [one["id"] for one in page["results"]] == [update["id"]]
        assert page["results"][0].keys() == update.keys()


def test_changes_of_the_table_are_as_the_page_says(road: Road, settings: LazySettings) -> None:
    settings.SPOOL_LIVE = {**settings.SPOOL_LIVE, "REALTIME_MODE": "postgres_changes"}
    site, key = road.site("A")
    with joined(road.token(key)) as socket:
        road.edit(site, "first")
        data = received(socket, "postgres_changes")["payload"]["data"]
        assert json.loads(block("An update")).keys() <= data["record"].keys()
        assert (data["errors"], data["record"]["slug"]) == (None, "first")


def test_token_is_renewed_on_the_socket_and_a_revocation_leads_to_the_next_topic(
    road: Road,
) -> None:
    site, key = road.site("A")
    other, _ = keys.create_key(site, name="to be revoked")
    mirror.mirror_pending("default")
    first = road.token(key)
    with joined(first) as socket:
        fresh: Frame = json.loads(block("Re-authentication"))
        fresh |= {"topic": join_frame(first)["topic"]}
        fresh["payload"]["access_token"] = road.token(key)["token"]
        socket.send(json.dumps(fresh))
        road.edit(site, "renewed")
        changes = received(socket, "broadcast", "live_updates")["payload"]["payload"]["changes"]
        assert [change["slug"] for change in changes] == ["renewed"]

        keys.revoke_key(other)
        mirror.mirror_pending("default")
        notice = received(socket, "broadcast", "reauthenticate")
        assert notice["payload"].keys() >= json.loads(block("`reauthenticate`"))["payload"].keys()
    second = road.token(key)
    assert second["epoch"] == first["epoch"] + 1
    assert join_frame(second)["topic"] != join_frame(first)["topic"]
    with joined(second) as socket:
        road.edit(site, "next-topic")
        changes = received(socket, "broadcast", "live_updates")["payload"]["payload"]["changes"]
        assert [change["slug"] for change in changes] == ["next-topic"]


@pytest.mark.parametrize("after", [7, 2**63 - 1])
def test_cursor_ahead_of_the_log_is_reset(road: Road, after: int) -> None:
    site, key = road.site("A")
    road.edit(site, "only")
    page = caught_up(road, key, after)
    assert (page["status"], page["results"], page["seq"]) == ("reset", [], 1)
