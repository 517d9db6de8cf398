"""Run by ``tox run -e package``: builds the wheel and the sdist, and uses them as strangers do.

    python tests/distributions.py [--every-extra]

With ``--every-extra`` each extra is installed into an empty environment, on the oldest and the
newest Python of ``.ci/run``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

from extras import TRIES  # type: ignore[import-not-found]  # beside this script

ROOT = Path(__file__).parent.parent
EXTRAS = Path(__file__).with_name("extras.py")
PYTHONS = ("3.11", "3.13")
KINDS = {".py", ".sql", ".html", ".css", ".js", ".typed", ".txt"}
"""What the wheel has to have of the package's files."""


def main() -> int:
    """Builds, checks and installs; raises ``AssertionError`` at the first thing that is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every-extra", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel, sdist = build(folder / "dist")
        check_wheel(wheel)
        check_sdist(sdist)
        if not options.every_extra:
            use(folder, PYTHONS[0], wheel, "")
            return 0
        assert_each_extra_is_tried()
        for python in PYTHONS:
            use(folder, python, sdist, "")
            for extras in TRIES:
                use(folder, python, wheel, extras)
    return 0


def build(target: Path) -> tuple[Path, Path]:
    """The wheel, built from the sdist, and the sdist; with metadata that PyPI takes."""
    run(sys.executable, "-m", "build", "--installer", "uv", "--outdir", target, ROOT)
    [wheel], [sdist] = target.glob("*.whl"), target.glob("*.tar.gz")
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist)
    return wheel, sdist


def check_wheel(wheel: Path) -> None:
    """All of the package is in the wheel, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = ROOT / "spool_live"
    wanted = {str(p.relative_to(ROOT)) for p in package.rglob("*") if p.suffix in KINDS}
    assert wanted <= names, f"the wheel lacks {sorted(wanted - names)}"
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"spool_live", wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info"}, tops
    say(f"the wheel has {len(names)} files")


def check_sdist(sdist: Path) -> None:
    """The sdist has every file of the repository, so that its tests run."""
    with tarfile.open(sdist) as archive:
        members = {m.name.partition("/")[2] for m in archive.getmembers() if m.isfile()}
    listed = run("git", "-c", "safe.directory=*", "-C", ROOT, "ls-files", "-z")
    wanted = {name for name in listed.split("\0") if name and (ROOT / name).exists()}
    assert wanted <= members, f"the sdist lacks {sorted(wanted - members)}"
    strange = {name for name in members - wanted if name != "PKG-INFO"}
    assert not strange, f"the sdist has what the repository does not: {sorted(strange)[:10]}"
    say(f"the sdist has {len(members)} files")


def assert_each_extra_is_tried() -> None:
    """Each extra of ``pyproject.toml`` is in one of the combinations."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    tried = {extra for extras in TRIES for extra in extras.split(",") if extra}
    assert tried == set(project["optional-dependencies"]), tried


def use(folder: Path, python: str, distribution: Path, extras: str) -> None:
    """Installs into an empty environment with ``extras``, and tries what they are for."""
    environment = Path(tempfile.mkdtemp(dir=folder))
    named = f"{distribution}[{extras}]" if extras else str(distribution)
    run("uv", "venv", "--quiet", "--clear", "--python", python, environment)
    interpreter = environment / "bin" / "python"
    run("uv", "pip", "install", "--quiet", "--python", interpreter, named)
    empty = environment / "empty"
    empty.mkdir()
    run(interpreter, "-P", EXTRAS, extras, cwd=empty)
    say(f"Python {python}, {distribution.name}, [{extras}]: well")


def run(*words: str | Path, cwd: Path | None = None) -> str:
    """What a command prints; it and its errors are shown where it fails."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL"))
    }
    done = subprocess.run(
        words, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def say(text: str) -> None:
    """Prints a result of this script."""
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    raise SystemExit(main())
