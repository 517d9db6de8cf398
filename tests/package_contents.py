"""Run by ``tox run -e package`` outside the checkout: is the installed wheel complete?"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "spool_live"
REMEDIES = {
    "spool-live check": "pip install 'spool-live[client]'",
    "spool-live tail": "pip install 'spool-live[client]'",
    "spool-live-local": "pip install 'spool-live[local]'",
    "python -m spool_live live_init": "pip install 'spool-live[django]'",
}
"""Each console command, and what it asks for where only the package itself is installed."""
KINDS = {".py", ".sql", ".html", ".css", ".js", ".typed", ".txt"}


def main() -> int:
    """Compares what is installed with the source tree, and imports what needs no extra."""
    spec = importlib.util.find_spec("spool_live")
    assert spec
    assert spec.origin
    installed = Path(spec.origin).parent
    assert installed != SOURCE, f"the checkout shadows the wheel: {installed}"
    wanted = {p.relative_to(SOURCE) for p in SOURCE.rglob("*") if p.suffix in KINDS}
    missing = sorted(str(path) for path in wanted if not (installed / path).is_file())
    assert not missing, f"the wheel lacks {missing}"
    requires = importlib.metadata.requires("spool-live") or []
    assert all("extra ==" in line for line in requires), requires
    subprocess.run([sys.executable, "-c", "import spool_live"], check=True)
    wrong = subprocess.run(
        [sys.executable, "-c", "from spool_live import register"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert "pip install 'spool-live[django]'" in wrong.stderr, wrong.stderr
    for command, remedy in REMEDIES.items():
        _assert_one_line(command, remedy)
    print(f"{len(wanted)} files are in the wheel")  # noqa: T201 - the result of this script
    return 0


def _assert_one_line(command: str, remedy: str) -> None:
    """Without its extra a console command says so, and nothing else."""
    program, *arguments = command.split()
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, (command, done)
    assert len(done.stderr.splitlines()) == 1, (command, done.stderr)
    assert remedy in done.stderr, (command, done.stderr)
    assert not done.stdout, (command, done.stdout)


if __name__ == "__main__":
    raise SystemExit(main())
