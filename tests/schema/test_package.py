"""Python, the schema and the npm package say the same about what travels."""

from __future__ import annotations

import json
import uuid
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from spool_live.client import LiveUpdate, WebhookEvent
from spool_live.models import LiveUpdate as LiveUpdateModel
from spool_live.schema import document, wire_types
from spool_live.schema.wire import UpdateRow, WebhookBody
from spool_live.updates import EventType, Update

PACKAGE = Path(__file__).parents[2] / "packages" / "js"
REWRITE = "run `python -m spool_live.schema > packages/js/src/schema.ts`"


def update(**values: Any) -> Update:
    defaults: dict[str, Any] = {
        "id": uuid.uuid4(),
        "site_id": uuid.uuid4(),
        "event_type": EventType.UPDATED,
        "collection": "articles",
        "item_id": uuid.uuid4(),
        "slug": None,
        "timestamp": datetime.now(UTC),
        "metadata": {"published": False, "title": "x"},
        "seq": 1,
    }
    return Update(**(defaults | values))


def test_npm_package_has_the_types_of_this_version() -> None:
    assert (PACKAGE / "src" / "schema.ts").read_text() == wire_types(), REWRITE


def test_npm_package_has_the_schema_of_this_version() -> None:
    schema = json.loads((PACKAGE / "schema" / "live-updates.schema.json").read_text())
    assert schema == document(), "write what spool_live.schema.document() returns into the file"


def test_update_on_the_wire_has_the_declared_fields() -> None:
    declared = set(UpdateRow.__annotations__)
    assert set(update().as_row()) == declared
    assert {field.name for field in fields(LiveUpdate)} == declared
    columns = {column.name for column in LiveUpdateModel._meta.get_fields()}
    assert declared - {"site_id"} <= columns


def test_webhook_has_the_declared_fields() -> None:
    assert {field.name for field in fields(WebhookEvent)} == set(WebhookBody.__annotations__)


@pytest.mark.parametrize("event", EventType)
def test_schema_takes_what_is_sent(event: EventType) -> None:
    row = json.loads(json.dumps(update(event_type=event, slug="a").as_row()))
    jsonschema.validate(row, document())


@pytest.mark.parametrize(
    "change",
    [
        {"event_type": "content.moved"},
        {"seq": "7"},
        {"slug": 7},
        {"metadata": []},
        {"metadata": {"published": "no"}},
        {"other": 1},
    ],
    ids=str,
)
def test_schema_refuses_what_is_never_sent(change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(update().as_row() | change, document())


def test_schema_misses_what_is_missing() -> None:
    row = update().as_row()
    del row["item_id"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(row, document())
