"""``manage.py live_tail`` is ``spool-live tail``."""

from __future__ import annotations

import asyncio
import json

import pytest
from django.core.management import call_command

from tests.client.cms import KEY
from tests.client.conftest import World


@pytest.fixture(autouse=True)
def _environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOOL_API_KEY", KEY)
    monkeypatch.setenv("SPOOL_SITE_ID", world.cms.site_id)
    monkeypatch.setenv("SPOOL_API_URL", world.cms.url)


async def test_it_prints_what_subscribers_get(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    sent = [world.cms.record() for _ in range(2)]
    await asyncio.to_thread(call_command, "live_tail", "--json", "--since=0", "--count=2")
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == sent


async def test_wrong_key_is_an_error(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPOOL_API_KEY", "wrong")
    with pytest.raises(SystemExit) as raised:
        await asyncio.to_thread(call_command, "live_tail")
    assert raised.value.code == 2
    assert capsys.readouterr().err.count("SPOOL_API_KEY and SPOOL_SITE_ID") == 1
