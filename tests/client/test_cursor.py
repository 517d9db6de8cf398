"""The position of a subscriber, kept across restarts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spool_live.client import ConfigurationError, LiveUpdate, Reset
from spool_live.client.cursor import FileCursor
from spool_live.client.engine.consumer import Consumer
from spool_live.client.engine.cursor_keeper import CursorKeeper
from spool_live.client.engine.sequencer import Page
from spool_live.client.policy import Timing
from tests.client.conftest import World
from tests.client.engine.test_sequencer import updates
from tests.waiting import eventually


class Store:
    """A store in memory."""

    def __init__(self, seq: int | None = None) -> None:
        self.seq = seq
        self.saves: list[int] = []
        self.broken = False

    def load(self) -> int | None:
        return self.seq

    async def save(self, seq: int) -> None:
        if self.broken:
            raise OSError("disk full")
        self.saves.append(seq)
        self.seq = seq


async def no_log(after: int, limit: int) -> Page:
    raise AssertionError(after)


def consumer_at(seq: int, *waiting: int) -> Consumer:
    consumer = Consumer(no_log, Timing())
    consumer.start(seq)
    for event in updates(*waiting):
        consumer.offer(event)
    return consumer


def test_file_keeps_the_number(tmp_path: Path) -> None:
    cursor = FileCursor(tmp_path / "cursor.json", "s")
    assert cursor.load() is None
    cursor.save(7)
    cursor.save(8)
    assert cursor.load() == 8
    assert [path.name for path in tmp_path.iterdir()] == ["cursor.json"]


def test_file_of_another_site_is_refused(tmp_path: Path) -> None:
    FileCursor(tmp_path / "c", "one").save(7)
    with pytest.raises(ConfigurationError, match="one cursor file per site"):
        FileCursor(tmp_path / "c", "two").load()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"seq": 1}',
        *(
            f'{{"site_id": "s", "seq": {seq}}}'
            for seq in ('"x"', "-5", "1.5", "true", "null", str(10**30), str(2**63))
        ),
    ],
)
def test_file_that_is_not_a_cursor_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "c"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match="delete it"):
        FileCursor(path, "s").load()


def test_missing_folder_is_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not a folder"):
        FileCursor(tmp_path / "missing" / "cursor.json", "s").load()


@pytest.mark.parametrize("seq", [-5, 10**30, True, "7"])
async def test_store_that_holds_no_position_is_refused(seq: Any) -> None:
    store = Store(seq)
    with pytest.raises(ConfigurationError, match=r"position .* is not a sequence number"):
        await CursorKeeper(store).load()


def test_file_is_replaced_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash in the middle of a write leaves the old cursor: the file is never written itself."""
    cursor = FileCursor(tmp_path / "c", "s")
    cursor.save(1)

    def crash(path: Path, text: str, *_args: Any, **_options: Any) -> int:
        with path.open("w") as file:
            file.write(text[:5])
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_text", crash)
    with pytest.raises(OSError, match="no space"):
        cursor.save(2)
    monkeypatch.undo()
    assert cursor.load() == 1
    before = tmp_path / "as it was"
    before.hardlink_to(tmp_path / "c")
    cursor.save(3)
    assert json.loads(before.read_text())["seq"] == 1, "another file took its place"


async def test_least_of_all_consumers_is_saved_when_they_are_idle() -> None:
    store = Store()
    await CursorKeeper(store).note([consumer_at(7), consumer_at(5)])
    assert store.saves == [5]


async def test_busy_consumers_are_saved_once_a_second() -> None:
    store = Store()
    keeper = CursorKeeper(store, iter([10.0, 10.0, 10.5, 11.1, 11.1]).__next__)
    busy = consumer_at(0, 1, 2, 3, 4)
    for _ in range(3):
        await busy.get()
        busy.done()
        await keeper.note([busy])
    assert store.saves == [1, 3]


async def test_store_that_fails_is_reported_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = Store()
    store.broken = True
    keeper = CursorKeeper(store)
    await keeper.note([consumer_at(1)])
    assert "disk full" in caplog.text
    store.broken = False
    await keeper.note([consumer_at(1)])
    assert store.saves == [1]


async def test_restarted_client_goes_on_where_it_stopped(world: World, tmp_path: Path) -> None:
    path = tmp_path / "cursor.json"
    first, seen = await world.live(cursor=path)
    await world.publish(3)
    await eventually(lambda: len(seen) == 3)
    await first.disconnect()
    assert json.loads(path.read_text()) == {"site_id": world.cms.site_id, "seq": 3}
    world.cms.record()
    world.cms.record()
    _, again = await world.live(cursor=path)
    await eventually(lambda: [update.seq for update in again] == [4, 5])


async def test_update_that_was_not_handled_comes_again_after_a_restart(world: World) -> None:
    store = Store()
    client = world.client(cursor=store)
    await client.connect()
    await client.wait_until_live(5)
    await world.publish(2)
    seen: list[LiveUpdate] = []
    async for update in client:
        seen.append(update)
        if update.seq == 2:
            break  # as a crash would
    await client.disconnect()
    assert store.seq == 1
    _, again = await world.live(cursor=store)
    await eventually(lambda: [update.seq for update in again] == [2])


async def test_cursor_beyond_the_history_is_a_reset(world: World) -> None:
    for _ in range(5):
        world.cms.record()
    world.cms.oldest = 3
    client = world.client(cursor=Store(1))
    resets: list[Reset] = []
    client.on_reset(resets.append)
    await client.connect()
    await eventually(lambda: resets)
    assert resets[0].seq == 5
