"""Run by ``tox run -e types``: does a type checker know every part of the public names?

``pyright --verifytypes`` looks at every module of the package; here only the names that
``spool_live`` and ``spool_live.client`` promise count, with their attributes and methods.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import spool_live
import spool_live.client

PUBLIC = {
    f"{module.__name__}.{name}"
    for module in (spool_live, spool_live.client)
    for name in module.__all__
    if not name.startswith("__")
}


def main() -> int:
    """Prints what is not known; returns 1 where there is such a thing."""
    symbols = read_symbols()
    missing = PUBLIC - {name for symbol in symbols for name in names(symbol)}
    assert not missing, f"pyright does not list {sorted(missing)}"
    homes = {symbol["name"] for symbol in symbols if not PUBLIC.isdisjoint(names(symbol))}
    promised = [symbol for symbol in symbols if belongs(symbol["name"], homes)]
    unknown = [symbol for symbol in promised if not symbol["isTypeKnown"]]
    for symbol in unknown:
        reasons = "; ".join(found["message"] for found in symbol["diagnostics"])
        say(f"{symbol['name']}: {reasons}")
    say(f"{len(promised) - len(unknown)} of {len(promised)} public types are known")
    return 1 if unknown else 0


def read_symbols() -> list[dict[str, Any]]:
    """What pyright says of each symbol of the package."""
    command = ["-m", "pyright", "--outputjson", "--ignoreexternal", "--verifytypes", "spool_live"]
    here = str(Path(sys.executable).parent)  # pyright asks the python on PATH what is installed
    done = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "PATH": f"{here}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,  # it fails for what is not promised, too
    )
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["typeCompleteness"]["symbols"]
    return found


def names(symbol: dict[str, Any]) -> Iterator[str]:
    """The name of the symbol where it is defined, and those by which it can be imported."""
    yield symbol["name"]
    yield from symbol.get("alternateNames", ())


def belongs(name: str, homes: set[str]) -> bool:
    """Whether this is one of ``homes``, or a part of one."""
    parts = name.split(".")
    return any(".".join(parts[:length]) in homes for length in range(1, len(parts) + 1))


def say(text: str) -> None:
    """Prints a result of this script."""
    print(text)  # noqa: T201


if __name__ == "__main__":
    raise SystemExit(main())
