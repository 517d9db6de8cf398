"""What the package offers, and what importing it must not cost."""

from __future__ import annotations

import subprocess
import sys

import pytest

import spool_live
import spool_live.client
from tests import surface


def test_public_names_are_exactly_these() -> None:
    assert spool_live.__all__ == [
        "EventType",
        "LiveCollection",
        "LiveManager",
        "LiveQuerySet",
        "LiveUpdateData",
        "__version__",
        "batch",
        "broadcast_update",
        "cache_tags",
        "record_changes",
        "register",
        "unregister",
    ]
    assert spool_live.__all__ == sorted(spool_live.__all__)


@pytest.mark.parametrize("module", [spool_live, spool_live.client], ids=lambda m: m.__name__)
def test_every_public_name_is_there(module: object) -> None:
    names = module.__all__  # type: ignore[attr-defined]
    assert list(names) == sorted(names)
    for name in names:
        assert getattr(module, name) is not None


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = spool_live.nothing


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("spool_live", ["django", "celery", "supabase", "jwt", "httpx"]),
        ("spool_live.client", ["django", "celery", "rest_framework", "psycopg"]),
        ("spool_live.tasks", ["django.db.models.base", "supabase"]),
    ],
)
def test_import_brings_in_nothing_unwanted(module: str, unwanted: list[str]) -> None:
    code = f"import sys, {module}; print(*(m for m in {unwanted!r} if m in sys.modules))"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.split() == []


def test_without_django_the_name_says_what_brings_it() -> None:
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == 'django': raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "import spool_live\n"
        "try: spool_live.register\n"
        "except ImportError as error: print(error)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert "pip install 'spool-live[django]'" in found.stdout


def test_nothing_that_was_promised_is_gone() -> None:
    gone = surface.promised() - surface.present()
    assert not gone, "users rely on these; what is new goes into tests/surface.txt"
