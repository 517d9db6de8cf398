"""The fingerprint of an object and everything it reaches: it changes when any of that changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from spool_live.isolation.reach.catalog import Catalog, Function, Kind, Relation
from spool_live.isolation.reach.tokens import canonical

PREFIX = "sha256:"
_SINCE_17 = "=MAINTAIN"


def fingerprint(catalog: Catalog, objects: Iterable[tuple[Kind, int]], *more: str) -> str:
    """Return ``sha256:`` and 64 hexadecimal digits.

    The hash covers the definitions, owners, rights and attributes of ``objects``, in a form that is
    the same in every version of PostgreSQL, and the texts ``more``.
    """
    records = [
        _relation(catalog, catalog.relations[oid])
        if kind == "relation"
        else _function(catalog.functions[oid])
        for kind, oid in objects
    ]
    text = json.dumps([sorted(json.dumps(r, sort_keys=True) for r in records), *more])
    return PREFIX + hashlib.sha256(text.encode()).hexdigest()


def _relation(catalog: Catalog, relation: Relation) -> dict[str, Any]:
    return {
        "kind": relation.kind,
        "name": relation.identity,
        "owner": relation.owner,
        "acl": _rights(relation.acl),
        "row security": [relation.row_security, relation.forced, relation.invoker],
        "server": relation.server,
        "columns": relation.columns,
        "extension": [relation.extension, relation.extension_version],
        "code": sorted(
            [code.context, code.label, canonical(code.text), *code.roles]
            for code in catalog.codes[relation.oid]
        ),
    }


def _function(function: Function) -> dict[str, Any]:
    return {
        "kind": function.kind,
        "name": function.identity,
        "owner": function.owner,
        "acl": _rights(function.acl),
        "language": function.language,
        "definer": function.security_definer,
        "settings": sorted(function.settings),
        "returns": function.returns,
        "attributes": function.attributes,
        "defaults": canonical(function.defaults),
        "code": function.source or canonical(function.body),
        "extension": [function.extension, function.extension_version],
    }


def _rights(acl: Iterable[str]) -> list[str]:
    return sorted(right for right in acl if not right.endswith(_SINCE_17))
