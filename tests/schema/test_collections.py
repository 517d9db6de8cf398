"""Metadata of a collection, typed by what ``get_metadata`` is annotated to return."""

from __future__ import annotations

import json
from datetime import datetime
from io import StringIO
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import jsonschema
import pytest
from django.core.management import call_command

from spool_live.schema import collection_types, document
from spool_live.schema.json_schema import schema_of


class Author(TypedDict):
    name: str


class ArticleMetadata(TypedDict):
    title: Annotated[str, "As on the page."]
    views: int
    rating: float | None
    tags: list[str]
    kind: Literal["news", "opinion"]
    author: NotRequired[Author]


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (str, {"type": "string"}),
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (datetime, {"type": "string", "format": "date-time"}),
        (tuple[str, ...], {"type": "array", "items": {"type": "string"}}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (dict[str, Any], {"type": "object", "additionalProperties": True}),
        (list, {"type": "array", "items": {}}),
        (NotImplemented, {}),
    ],
    ids=str,
)
def test_schema_of_a_type(kind: Any, schema: Any) -> None:
    assert schema_of(kind) == schema


def test_typescript_of_a_collection() -> None:
    types = collection_types({"articles": ArticleMetadata, "site-pages": dict[str, Any]})
    assert types.endswith(
        """declare module "spool-live" {
  interface Collections {
    articles: {
      /** As on the page. */
      title?: string;
      views?: number;
      rating?: number | null;
      tags?: string[];
      kind?: "news" | "opinion";
      author?: {
        name: string;
      };
    };
    "site-pages": Record<string, unknown>;
  }
}
"""
    )


def test_metadata_is_checked_by_collection() -> None:
    schema = document({"articles": ArticleMetadata})
    row = {
        "id": "1",
        "site_id": "1",
        "event_type": "content.updated",
        "collection": "articles",
        "slug": None,
        "item_id": "1",
        "timestamp": "2026-11-22T10:00:00Z",
        "metadata": {"title": 7},
        "seq": 1,
    }
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(row, schema)
    jsonschema.validate(row | {"collection": "pages"}, schema)
    cut = {"truncated": True, "views": 7}
    jsonschema.validate(row | {"metadata": cut}, schema)


def test_command_prints_the_registered_collections() -> None:
    out = StringIO()
    call_command("live_schema", stdout=out)
    names = {
        part["if"]["properties"]["collection"]["const"]
        for part in json.loads(out.getvalue())["allOf"]
    }
    assert "articles" in names
    out = StringIO()
    call_command("live_schema", "--typescript", stdout=out)
    assert 'declare module "spool-live"' in out.getvalue()
