"""Watches the whole suite: no key and no token that it makes may show in what it logs or prints."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Any

import pytest

from spool_live import keys, tokens
from spool_live.keys import lifecycle

_SHAPES = re.compile(
    r"spool_[a-z0-9]{12}_[A-Za-z0-9_-]{43}[0-9a-f]{6}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"
)
_made: set[str] = set()


def watch() -> None:
    """Remembers each secret from now on: to be called once, before the first test."""
    for module in (keys, lifecycle):
        _remember(module, "give_secret", str)
    _remember(tokens, "mint", lambda token: token.encoded)


def leaks(text: str) -> set[str]:
    """The public beginnings of the secrets that ``text`` holds."""
    return {found[:18] for found in _SHAPES.findall(text) if found in _made}


def _remember(module: Any, name: str, secret_of: Callable[[Any], str]) -> None:
    make = getattr(module, name)

    def making(*args: Any, **kwargs: Any) -> Any:
        made = make(*args, **kwargs)
        _made.add(secret_of(made))
        return made

    setattr(module, name, making)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that passes and lets a secret out has failed."""
    report = yield
    shown = [title for title, text in report.sections if leaks(text)]
    if report.passed and shown:
        report.outcome = "failed"
        report.longrepr = f"an API key or a token is in the {', '.join(shown)}"
    return report
