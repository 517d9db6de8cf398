"""The watch over the suite's output sees what it is there to see."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest

from spool_live import tokens
from spool_live.keys import PlainKey
from spool_live.models import SiteApiKey
from tests.leaks import leaks, pytest_runtest_makereport

pytestmark = pytest.mark.django_db
MakeKey = Callable[..., tuple[SiteApiKey, PlainKey]]


def judged(outcome: str, *sections: tuple[str, str]) -> pytest.TestReport:
    """What becomes of a report with these captured sections."""
    report = pytest.TestReport("test", ("", 0, ""), {}, outcome, None, "call", sections)  # type: ignore[arg-type]
    watching = pytest_runtest_makereport(SimpleNamespace(), SimpleNamespace())  # type: ignore[arg-type]
    next(watching)
    try:
        watching.send(report)
    except StopIteration as done:
        return cast("pytest.TestReport", done.value)
    raise AssertionError("the hook goes on")


def test_key_and_token_are_found_and_others_are_not(make_key: MakeKey) -> None:
    key, plain = make_key()
    token = tokens.mint(key).encoded
    assert leaks(f"GET /?key={plain!s}") == {str(plain)[:18]}
    assert leaks(f"Bearer {token}.") == {token[:18]}
    assert leaks(f"{plain!r} {key.prefix} {token[:-1]}x") == set()


@pytest.mark.parametrize("section", ["Captured log call", "Captured stdout call"])
def test_passing_test_that_lets_a_secret_out_has_failed(make_key: MakeKey, section: str) -> None:
    _, plain = make_key()
    report = judged("passed", ("Captured stderr call", "nothing"), (section, f"key {plain!s}"))
    assert report.failed
    assert section in str(report.longrepr)
    assert str(plain) not in str(report.longrepr)
    assert judged("passed", (section, key_of_nobody(plain))).passed


def test_debug_lines_are_captured(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("spool_live").debug("a whisper")
    assert "a whisper" in caplog.text


def key_of_nobody(plain: str) -> str:
    return plain[::-1]
