from __future__ import annotations

import pytest

from spool_live.local.realtime.terms import inspect_term


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nil"),
        (True, "true"),
        (7, "7"),
        ("s1", '"s1"'),
        ('a"b\\c\n#{d}', '"a\\"b\\\\c\\n\\#{d}"'),
        ([], "[]"),
        (["zz", "1"], '["zz", "1"]'),
        ([("nope", "eq", "1", False)], '[{"nope", "eq", "1", false}]'),
        ({"event": "*", "a": None}, '%{"a" => nil, "event" => "*"}'),
    ],
)
def test_term_as_the_real_server_prints_it(value: object, text: str) -> None:
    assert inspect_term(value) == text
