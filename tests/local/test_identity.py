"""PostgreSQL under every identity. As root all of them are run; as anybody else, one's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from spool_live.local.binaries import PostgresBinaries, find_postgres
from spool_live.local.data_folder import DataFolder
from spool_live.local.exceptions import PostgresError
from spool_live.local.identity import ProcessIdentity, choose_identity, may_enter
from spool_live.local.postgres import EmbeddedPostgres
from spool_live.local.processes import free_port, launcher
from spool_live.local.processes.launcher import NOBODY

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def open_folder(tmp_path: Path) -> Iterator[Path]:
    """A state folder that other users can reach: not below pytest's private one."""
    base = Path("/tmp") / f"spool-live-{os.getpid()}-{tmp_path.name}"
    base.mkdir(mode=0o755)
    yield base / "state"
    shutil.rmtree(base)


@pytest.mark.parametrize(
    ("link", "target", "expected"),
    [
        ("open/link", "../open/programs", True),
        ("open/link", "../closed/programs", False),
        ("open/link", "{base}/closed/programs", False),
        ("open/link", "../closed/../open/programs", False),
        ("open/link", "../open/second", False),
        ("closed/link", "../open/programs", False),
    ],
    ids=["open", "closed", "closed, absolute", "through closed", "link to closed", "from closed"],
)
def test_link_may_be_followed_where_its_target_may_be_reached(
    link: str, target: str, expected: bool, open_folder: Path
) -> None:
    base = open_folder.parent
    for folder in ("open", "closed"):
        (base / folder / "programs").mkdir(parents=True)
    (base / "closed").chmod(0o700)
    (base / "open" / "second").symlink_to("../closed/programs")
    (base / link).symlink_to(target.format(base=base))
    nobody_else = os.geteuid() + 1
    assert may_enter(base / link, nobody_else) is expected
    assert may_enter(base / link, os.geteuid()) is True


def owners(folder: Path) -> set[int]:
    return {path.stat().st_uid for path in (folder, *folder.rglob("*"))}


def server(folder: Path, identity: ProcessIdentity | None = None) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder, port=free_port(), password="secret", identity=identity)


def check(running: EmbeddedPostgres) -> None:
    with psycopg.connect(running.conninfo()) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_chosen_identity_is_never_root(tmp_path: Path) -> None:
    identity = choose_identity()
    assert (identity is ProcessIdentity.SELF) == (os.geteuid() != 0)
    with server(tmp_path / "state") as running:
        check(running)


@as_root
def test_user_namespace_works_below_private_folders_and_files_stay_roots(tmp_path: Path) -> None:
    if choose_identity() is not ProcessIdentity.NAMESPACE:
        pytest.skip("this kernel or container forbids user namespaces")
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    with server(private / "state", ProcessIdentity.NAMESPACE) as running:
        check(running)
        assert owners(running.data_dir) == {0}


@as_root
def test_nobody_runs_from_a_copy_where_the_programs_are_out_of_reach(open_folder: Path) -> None:
    with server(open_folder, ProcessIdentity.NOBODY) as running:
        check(running)
        postmaster = DataFolder(running.data_dir).server_pid
        assert Path(f"/proc/{postmaster}").stat().st_uid == NOBODY
        assert owners(running.data_dir) == {NOBODY}
    reachable = may_enter(find_postgres().bin_dir, NOBODY)
    assert (open_folder / "programs").exists() != reachable


@as_root
def test_nobody_below_a_private_folder_is_refused_with_the_remedy(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    with pytest.raises(PostgresError, match="choose a state folder elsewhere"):
        server(private / "state", ProcessIdentity.NOBODY).start()


@as_root
def test_one_folder_can_be_used_under_changing_identities(open_folder: Path) -> None:
    if choose_identity() is not ProcessIdentity.NAMESPACE:
        pytest.skip("this kernel or container forbids user namespaces")
    for identity in (ProcessIdentity.NOBODY, ProcessIdentity.NAMESPACE, ProcessIdentity.NOBODY):
        with server(open_folder, identity) as running:
            check(running)


@as_root
def test_programs_nobody_can_read_and_that_are_no_wheel_are_refused(
    open_folder: Path, tmp_path: Path
) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    (private / "bin").symlink_to(find_postgres().bin_dir)
    running = server(open_folder, ProcessIdentity.NOBODY)
    running._binaries = PostgresBinaries(private / "bin")
    with pytest.raises(PostgresError, match="SPOOL_LIVE_PG_BIN"):
        running.start()


@as_root
def test_ordinary_user_starts_it_too(open_folder: Path) -> None:
    needed = (Path(sys.executable), Path(sys.base_prefix), Path(__file__).parent)
    if not all(may_enter(folder, NOBODY) for folder in needed):
        pytest.skip("this Python or this checkout is below a folder that only root may enter")
    os.chown(open_folder.parent, NOBODY, NOBODY)
    program = """
import sys
from pathlib import Path
from spool_live.local.postgres import EmbeddedPostgres
from spool_live.local.processes import free_port
with EmbeddedPostgres(Path(sys.argv[1]), port=free_port(), password="secret") as running:
    print(running.running)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(open_folder)],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd="/",
        env={"PYTHONPATH": str(Path(launcher.__file__).parents[3])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True\n"
    assert owners(open_folder) == {NOBODY}
