"""What the demo command refuses before it starts anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from demo_project.state import lock_path
from demo_project.supervision.lock import exclusive
from spool_live.local.processes import listen, port_of


def test_taken_port_that_was_asked_for_is_refused(tmp_path: Path) -> None:
    with listen(0) as listener:
        port = port_of(listener)
        with pytest.raises(CommandError, match=f"Port {port} is taken: give --port another"):
            call_command("demo", state_dir=tmp_path, port=port)
    assert not (tmp_path / "logs").exists(), "nothing was started"


def test_second_demo_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with (
        exclusive(lock_path(tmp_path)),
        pytest.raises(CommandError, match=r"already runs in .*another --state-dir"),
    ):
        call_command("demo", state_dir=tmp_path, port=0)


def test_data_of_the_other_layout_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "layout").write_text("sqlite")
    with pytest.raises(CommandError, match="add --content sqlite, or --reset"):
        call_command("demo", state_dir=tmp_path, port=0, content="postgres")
    assert (tmp_path / "layout").read_text() == "sqlite"
