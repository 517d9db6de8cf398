"""The how-tos for Python subscribers agree with the code."""

from __future__ import annotations

import ast

import pytest

import spool_live.client
from tests.blocks import blocks_of

BLOCKS = [
    pytest.param(block.text, id=f"{page} {number}")
    for page in ("follow-from-python.md", "receive-webhooks.md")
    for number, block in enumerate(
        block for block in blocks_of(f"docs/how-to/{page}") if block.language == "python"
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
