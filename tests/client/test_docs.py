"""The how-tos for Python subscribers agree with the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import spool_live.client

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
BLOCKS = [
    pytest.param(block, id=f"{page} {number}")
    for page in ("follow-from-python.md", "receive-webhooks.md")
    for number, block in enumerate(
        re.findall(r"```python\n(.*?)```", (HOW_TO / page).read_text(), re.DOTALL)
    )
]


@pytest.mark.parametrize("block", BLOCKS)
def test_example_compiles_and_imports_what_there_is(block: str) -> None:
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.ImportFrom) and node.module == "spool_live.client":
            assert {alias.name for alias in node.names} <= set(spool_live.client.__all__)


def test_options_it_names_exist() -> None:
    fields = spool_live.client.LiveUpdatesConfig.__dataclass_fields__
    assert {"cursor", "queue_size", "max_reconnect_attempts"} <= set(fields)
