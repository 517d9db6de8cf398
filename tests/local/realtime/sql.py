"""Types of the fixtures that run SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Sql = Callable[..., list[Any]]
"""Runs a statement with its parameters as the migrating role, commits, returns the rows."""
MakeTable = Callable[..., str]
"""Creates a published table, see the fixture ``make_table``; returns its name."""
