"""The package, built once."""

from __future__ import annotations

import pytest

from .follower import build


@pytest.fixture(scope="session")
def javascript_package() -> None:
    build()
