"""Coroutines that run together until one of them ends."""

from __future__ import annotations

import asyncio

import pytest

from spool_live.client.engine.first_of import first_of


async def test_first_of_raises_and_cancels_the_others() -> None:
    cancelled = asyncio.Event()

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("first")

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(ValueError, match="first"):
        await first_of(waits(), fails())
    assert cancelled.is_set()
