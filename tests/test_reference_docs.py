"""The reference agrees with the code: every setting with its default, every check, every metric."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

from spool_live import checks, metrics
from spool_live.api import openapi
from spool_live.api.urls import urlpatterns
from spool_live.conf import LiveSettings
from spool_live.isolation.rules import RULES

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
UNITS = {"s": 1, "min": 60, "h": 3600, "days": 86400}


def rows(page: str) -> dict[str, list[str]]:
    """The first column's code of every table row, with the other columns."""
    text = (REFERENCE / page).read_text("utf-8")
    found = re.findall(r"^\| `([^`|]+)` \|(.*)\|$", text, re.MULTILINE)
    return {name: [cell.strip() for cell in rest.split(" | ")] for name, rest in found}


def value(text: str) -> object:
    """A default as the page writes it: `` `"text"` ``, `` `500` `` or a duration (``10 min``)."""
    if text.startswith("`"):
        literal = text.strip("`")
        if literal.startswith("("):
            return ast.literal_eval(literal)
        if literal in ("True", "False"):
            return literal == "True"
        return literal.strip('"')
    if ", " in text:
        return tuple(value(part) for part in text.split(", "))
    number, unit = text.split()
    return timedelta(seconds=float(number) * UNITS[unit])


def test_every_setting_is_documented_and_nothing_else() -> None:
    assert set(rows("settings.md")) == {field.name.upper() for field in fields(LiveSettings)}


@pytest.mark.parametrize("field", fields(LiveSettings), ids=lambda field: field.name)
def test_documented_default_is_the_real_one(field: object) -> None:
    name, default = field.name, field.default  # type: ignore[attr-defined]
    written = value(rows("settings.md")[name.upper()][0])
    assert written == (str(default) if type(default) is int else default)


def test_secrets_are_marked_and_hidden() -> None:
    hidden = {field.name.upper() for field in fields(LiveSettings) if not field.repr}
    marked = {name for name, cells in rows("settings.md").items() if "*Secret.*" in cells[1]}
    assert marked | {"SUPABASE_PUBLISHABLE_KEY"} == hidden


def test_every_check_is_documented_and_nothing_else() -> None:
    folder = Path(checks.__file__).parent
    source = "".join(path.read_text("utf-8") for path in folder.glob("*.py"))
    numbers = {f"spool_live.{n}" for n in re.findall(r"\b[EW]0\d\d\b", source)}
    raised = numbers | {f"spool_live.{n}" for n in re.findall(r'"spool_live\.([EW]0\d\d)', source)}
    assert set(rows("checks.md")) == raised


@pytest.mark.django_db(databases="__all__")
def test_every_metric_is_documented_and_nothing_else() -> None:
    documented = {name for name in rows("metrics.md") if name.startswith("spool_live_")}
    kinds = {"counter": "_total"}
    found = metrics.LiveCollector().collect()
    assert documented == {metric.name + kinds.get(metric.type, "") for metric in found}


def test_every_endpoint_is_documented() -> None:
    text = (REFERENCE / "http-api.md").read_text("utf-8")
    for route in urlpatterns:
        assert re.search(rf"`(GET|POST) {route.pattern}", text), route.pattern


def test_every_error_code_is_documented_with_its_status() -> None:
    source = Path(openapi.__file__).read_text("utf-8")
    codes = {
        code
        for listed in re.findall(r"_error\(\s*\"\w+\", \[([^\]]+)\]", source)
        for code in re.findall(r"\"(\w+)\"", listed)
    }
    assert codes >= {"invalid_credentials", "key_not_ready", "throttled"}
    row = re.compile(r"^\| ([45]\d\d) \| `(\w+)` \|", re.MULTILINE)
    pages = [
        set(row.findall((REFERENCE / p).read_text("utf-8"))) for p in ("errors.md", "http-api.md")
    ]
    assert pages[0] == pages[1]
    assert {code for _, code in pages[0]} == codes | {"method_not_allowed"}


def test_every_finding_is_documented_with_its_severity_and_title() -> None:
    written = {code: cells[:2] for code, cells in rows("isolation-findings.md").items()}
    assert written == {code: [r.severity.value, r.title] for code, r in RULES.items()}
