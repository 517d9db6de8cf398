"""Every value of the header, from any server, means a bounded wait or nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spool_live.retry_after import LONGEST, http_date, retry_after

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("86400", LONGEST),
        ("1e12", LONGEST),
        ("inf", LONGEST),
        ("-inf", 0.0),
        ("Sun, 22 Nov 2026 12:02:00 GMT", 120.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST),
        ("Sun, 22 Nov 2026 12:02:00 -0000", None),
        ("Sun, 22 Nov 99999999999999999999 12:02:00 GMT", None),
        ("soon", None),
        ("nan", None),
        ("", None),
        (None, None),
    ],
)
def test_header_becomes_seconds(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


def test_date_without_a_clock_to_compare_it_with_says_nothing() -> None:
    assert retry_after("Sun, 22 Nov 2026 12:02:00 GMT", None) is None
    assert retry_after("7", None) == 7


@given(st.text() | st.floats().map(str) | st.integers().map(str))
def test_any_text_is_a_bounded_wait_or_nothing(header: str) -> None:
    seconds = retry_after(header, NOW)
    assert seconds is None or 0 <= seconds <= LONGEST


@pytest.mark.parametrize("text", ["noon", "", None, "Sun, 22 Nov 2026 12:02:00"])
def test_what_is_not_a_date(text: str | None) -> None:
    assert http_date(text) is None
