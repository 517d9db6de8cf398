"""The client for code without an event loop: real threads, a real server in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from spool_live.client import (
    InvalidCredentialsError,
    LiveUpdate,
    LiveUpdatesError,
    Reset,
    SyncLiveUpdatesClient,
)
from spool_live.client.sync import BackgroundLoop
from tests.client.cms import Cms, running_cms
from tests.client.conftest import World
from tests.client.realtime_server import running_realtime


class ThreadedWorld:
    """The servers run in a loop of their own, away from the test's thread and the client's."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.closing = asyncio.Event()
        ready = asyncio.run_coroutine_threadsafe(self._start(), self.loop)
        self.world: World = ready.result(10)

    async def _start(self) -> World:
        started: asyncio.Future[World] = self.loop.create_future()

        async def serve() -> None:
            async with running_realtime() as realtime, running_cms(Cms(realtime.url)) as cms:
                started.set_result(World(cms, realtime))
                await self.closing.wait()

        self.serving = asyncio.create_task(serve())
        return await started

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(function(*args, **kwargs), self.loop).result(10)

    def stop(self) -> None:
        async def stop() -> None:
            self.closing.set()
            await self.serving

        asyncio.run_coroutine_threadsafe(stop(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


@pytest.fixture
def threaded() -> Iterator[ThreadedWorld]:
    threaded = ThreadedWorld()
    yield threaded
    threaded.stop()


def test_iteration_blocks_until_the_next_update_and_ends_at_disconnect(
    threaded: ThreadedWorld,
) -> None:
    seen: list[int | None] = []
    with SyncLiveUpdatesClient(threaded.world.config()) as client:
        client.wait_until_live(5)
        assert client.state.connected
        threaded.call(threaded.world.publish, 3)
        for update in client:
            seen.append(update.seq)
            if len(seen) == 3:
                client.disconnect()
    assert seen == [1, 2, 3]
    assert not client.state.connected


def test_callbacks_run_one_after_the_other_in_one_thread_and_may_block(
    threaded: ThreadedWorld,
) -> None:
    gate, done = threading.Event(), threading.Event()
    seen: list[tuple[int | None, str]] = []

    def handle(update: LiveUpdate) -> None:
        gate.wait(10)
        seen.append((update.seq, threading.current_thread().name))
        if len(seen) == 3:
            done.set()

    client = SyncLiveUpdatesClient(threaded.world.config())
    client.on_update(handle)
    with client:
        client.wait_until_live(5)
        threaded.call(threaded.world.publish, 3)
        gate.set()
        assert done.wait(10)
    assert [seq for seq, _ in seen] == [1, 2, 3]
    assert {name for _, name in seen} == {"spool-live-handlers_0"}


def test_clients_of_all_threads_share_one_connection(threaded: ThreadedWorld) -> None:
    with (
        SyncLiveUpdatesClient(threaded.world.config()) as one,
        SyncLiveUpdatesClient(threaded.world.config()) as two,
    ):
        one.wait_until_live(5)
        two.wait_until_live(5)
        assert len(threaded.world.realtime.joined) == 1


def test_error_of_the_connection_is_raised_here(threaded: ThreadedWorld) -> None:
    with pytest.raises(InvalidCredentialsError):
        SyncLiveUpdatesClient(threaded.world.config(api_key="wrong")).connect()


def test_client_may_connect_again_and_listeners_may_come_later(threaded: ThreadedWorld) -> None:
    world = threaded.world
    client = SyncLiveUpdatesClient(world.config())
    updates: queue.Queue[LiveUpdate] = queue.Queue()
    resets: queue.Queue[Reset] = queue.Queue()
    client.on_update(updates.put)
    for seq in (1, 2):
        with client:
            client.wait_until_live(5)
            threaded.call(world.publish)
            assert updates.get(timeout=10).seq == seq
    with SyncLiveUpdatesClient(world.config(start=1)) as late:
        late.wait_until_live(5)
        world.cms.oldest = 2
        late.on_reset(resets.put)
        assert resets.get(timeout=10).seq == 2


def test_call_from_the_loop_itself_is_refused_instead_of_hanging() -> None:
    background = BackgroundLoop.of_this_process()

    async def call() -> None:
        background.run(asyncio.sleep(0))

    with pytest.raises(LiveUpdatesError, match="state callback"):
        background.run(call())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform cannot fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_forked_child_gets_a_loop_of_its_own_and_is_told_about_the_old_client() -> None:
    before = BackgroundLoop.of_this_process()
    reader, writer = os.pipe()
    if not (pid := os.fork()):
        try:
            before.run(asyncio.sleep(0))
        except LiveUpdatesError as error:
            fresh = BackgroundLoop.of_this_process()
            fresh.run(asyncio.sleep(0))
            os.write(writer, f"{fresh is not before} {'connect again' in str(error)}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert pipe.read() == "True True"
    os.waitpid(pid, 0)
