"""The distributions that `pip install 'spool-live[client]'` installs."""

from __future__ import annotations

from importlib.metadata import distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def closure(requirement: str) -> set[str]:
    """Every distribution that the requirement brings, by the metadata of what is installed."""
    waiting, found = [Requirement(requirement)], set[tuple[str, frozenset[str]]]()
    while waiting:
        wanted = waiting.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in found:
            continue
        found.add(key)
        for line in distribution(wanted.name).requires or []:
            needed = Requirement(line)
            if needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in ("", *wanted.extras)
            ):
                waiting.append(needed)
    return {name for name, _ in found}


def test_client_extra_brings_neither_django_nor_celery_nor_redis() -> None:
    names = closure("spool-live[client]")
    assert {"httpx", "realtime", "standardwebhooks", "supabase"} <= names
    assert not names & {"django", "djangorestframework", "celery", "redis", "kombu", "psycopg"}


def test_base_brings_nothing() -> None:
    assert closure("spool-live") == {"spool-live"}
