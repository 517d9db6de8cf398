"""Strategies: metadata, rows and answers as nobody would think of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC
from typing import Any

from hypothesis import strategies as st

from tests.faults.receiver import Fault

TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
"""With NUL, lone surrogates and characters that are none."""
INTEGERS = st.one_of(
    st.integers(),
    st.integers(2**52, 2**66),
    st.integers(300, 320).map(lambda digits: -(10**digits)),
    st.integers(4290, 4310).map(lambda digits: 10**digits),
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    INTEGERS,
    st.floats(),
    TEXT,
    st.text('ax\\"u0d8\x00\ud800\udc00{}[],:', max_size=12),
    st.decimals(),
    st.uuids(),
    st.datetimes(timezones=st.just(UTC)),
    st.timedeltas(),
    st.binary(max_size=4),
)
NAMES = st.one_of(TEXT, st.sampled_from(["__proto__", "1", "invalid", "truncated", "\x001"]))
KEYS = st.one_of(NAMES, st.none(), st.booleans(), st.integers(), st.floats())


def _nested(inner: tuple[Any, int]) -> Any:
    value, depth = inner
    for level in range(depth):
        value = [value] if level % 2 else {"in": value}
    return value


VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
        st.tuples(inner, st.integers(0, 1200)).map(_nested),
    ),
    max_leaves=12,
)
METADATA: st.SearchStrategy[dict[Any, Any]] = st.one_of(
    st.dictionaries(KEYS, VALUES, max_size=6),
    st.dictionaries(NAMES, st.text(min_size=900, max_size=4000), max_size=6),
)

_NUMBER_TEXTS = st.one_of(
    st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.integers(1, 6000).map(lambda zeros: "1" + "0" * zeros),
    st.integers(1, 800).map(lambda zeros: "0." + "0" * zeros + "1"),
)
_STORABLE = st.text(max_size=20).map(lambda text: text.replace("\x00", ""))
JSON_TEXTS: st.SearchStrategy[str] = st.recursive(
    st.one_of(
        st.sampled_from(["null", "true", "false", "{}", "[]"]),
        _NUMBER_TEXTS,
        _STORABLE.map(json.dumps),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: "[" + ",".join(parts) + "]"),
        st.dictionaries(_STORABLE, inner, max_size=3).map(
            lambda parts: "{" + ",".join(f"{json.dumps(k)}:{v}" for k, v in parts.items()) + "}"
        ),
        st.tuples(inner, st.integers(1, 1500)).map(
            lambda pair: '{"a":' + "[" * pair[1] + pair[0] + "]" * pair[1] + "}"
        ),
    ),
    max_leaves=8,
)
"""Whatever PostgreSQL's jsonb takes."""
ROWS = st.fixed_dictionaries(
    {
        "metadata": JSON_TEXTS,
        "event_type": st.one_of(st.just("content.updated"), _STORABLE),
        "collection": st.one_of(st.just("articles"), _STORABLE, st.just("x" * 5000)),
        "slug": st.one_of(st.none(), _STORABLE),
        "timestamp": st.sampled_from(
            ["now", "infinity", "-infinity", "0044-03-15 BC", "11111-01-01", "1815-06-18 11:30Z"]
        ),
        "last_error": st.sampled_from(["", "odd"]),
        "attempts": st.sampled_from([0, -7, 4, 2**31 - 2]),
    }
)
"""The columns of an outbox entry as somebody with SQL may write them."""

CODES = st.one_of(
    st.sampled_from(
        [
            "22P02",
            "22P05",
            "23502",
            "23503",
            "23505",
            "23514",
            "23P01",
            "25006",
            "28P01",
            "40001",
            "40P01",
            "42501",
            "42703",
            "42P01",
            "53100",
            "53300",
            "54000",
            "54001",
            "57014",
            "57P01",
            "P0001",
            "PGRST000",
            "PGRST002",
            "PGRST003",
            "PGRST102",
            "PGRST202",
            "PGRST204",
            "PGRST205",
            "PGRST301",
            "PGRST303",
            "PT403",
            "XX000",
            "XX001",
        ]
    ),
    st.sampled_from(["", "0", "401", "what", "\x00", "x" * 5000]),
)


def _as_postgrest(code: str, message: str) -> bytes:
    return json.dumps({"code": code, "message": message, "details": None, "hint": None}).encode()


BODIES = st.one_of(
    st.sampled_from([b"", b"{}", b"[]", b"null", b'"text"', b"[1]", b"<html>Log in</html>"]),
    st.sampled_from([b'{"code": 503}', b'{"code": null}', b'{"message": {}}', b'{"details": [1]}']),
    st.builds(_as_postgrest, CODES, st.text(max_size=20)),
    st.binary(max_size=40),
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Content-Type": st.sampled_from(["application/json", "text/html; charset=utf-8", "x"]),
        "Content-Encoding": st.sampled_from(["gzip", "deflate", "br", "identity"]),
        "Retry-After": st.sampled_from(["0", "1", "-5", "soon", "1e400", "nan", "99999999"]),
        "Location": st.just("http://127.0.0.1:9/"),
        "Proxy-Status": st.sampled_from(["PostgREST; error=22P02", "cdn; error=dns", '"']),
    },
)
STATUSES = st.one_of(
    st.sampled_from([200, 201, 202, 204, 207, 301, 304, 400, 401, 402, 403, 404, 409, 413, 429]),
    st.sampled_from([500, 502, 503, 504, 520, 522, 525, 530, 540]),
    st.integers(200, 599),
)
_TIMINGS: list[dict[str, bool]] = [
    *[{}] * 9,
    {"silent": True},
    {"truncated": True},
    {"hangs": True},
    {"drips": True},
]


def _fault(
    status: int, body: bytes, headers: dict[str, str], stored: bool, timing: dict[str, bool]
) -> Fault:
    if status in (204, 205, 304):
        body = b""  # HTTP has none there
    fault = Fault(status, body, headers, stored=stored, **timing)
    # PostgREST's answer to our write is the one thing that is believed.
    is_believed = status == 201 and (not body or "Content-Encoding" in headers)
    return replace(fault, stored=True) if is_believed else fault


ANSWERS: st.SearchStrategy[Fault] = st.builds(
    _fault, STATUSES, BODIES, HEADERS, st.booleans(), st.sampled_from(_TIMINGS)
)
"""Status, body, headers and timing; whether or not the rows are stored."""

SERVERS = {301, 302, 303, 307, 308, 401, 402, 404, 405, 407, 410, 421, 429, 525, 526, 540}
"""Statuses that speak of the server, whatever was sent: nobody looks for an update behind them."""
_OF_CONTENT = ("22", "235", "23P", "54", "57014", "P0", "PGRST102", "PT", "XX", "what", "x")


def may_be_about_content(fault: Fault) -> bool:
    """Whether an answer that only one update meets is taken for that update's."""
    if not 400 <= fault.status <= 599 or fault.status in SERVERS | {503}:
        return fault.silent or fault.truncated or 200 <= fault.status < 300
    if fault.headers.get("Retry-After", "0") not in ("0", "-5", "soon", "nan"):
        return False
    try:
        said = json.loads(fault.body)
    except ValueError:
        return True
    code = said.get("code") if isinstance(said, dict) else None
    return bool(code) and str(code).startswith(_OF_CONTENT)


def comes_to_an_end(fault: Fault) -> bool:
    """Whether an answer ends before a deadline does."""
    return not (fault.hangs or fault.drips)
