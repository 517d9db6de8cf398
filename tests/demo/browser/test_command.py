"""``manage.py demo`` starts, stops and dies as a whole."""

from __future__ import annotations

import sys
from pathlib import Path

import httpx
import pytest

from demo_project.state import running_demo as state_of
from tests.demo.running import RunningDemo

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


@pytest.mark.usefixtures("npm")
def test_demo_leaves_nothing_behind_and_starts_again_but_never_twice(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    first = RunningDemo(folder)
    assert len(first.pids) >= 6, "supervisor, Supabase, PostgreSQL, broker, Celery twice, Django"
    assert httpx.get(first.ready["split_url"]).status_code == 200
    state = state_of(folder)
    assert state is not None
    assert state.supabase_url == first.ready["supabase_url"]

    first.kill()
    assert state_of(folder) is None, "its run file is not believed any more"

    second = RunningDemo(folder)
    assert second.ready["password"] == first.ready["password"], "logins survive"
    assert [site["id"] for site in second.sites] == [site["id"] for site in first.sites]
    with pytest.raises(AssertionError, match="already runs"):
        RunningDemo(folder)

    assert second.interrupt(times=3) == 0
    assert second.leftovers() == []
    assert not second.ready_file.exists()
    assert "Everything has stopped." in second.output.read_text()
    with pytest.raises(AssertionError, match="--content postgres"):
        RunningDemo(folder, "--content", "sqlite")
