from __future__ import annotations

import json

import pytest

from spool_live.isolation.probes.claims import ClaimsCase, ProbeIds, claims_matrix


@pytest.fixture
def ids() -> ProbeIds:
    return ProbeIds()


@pytest.fixture
def cases(ids: ProbeIds) -> dict[str, ClaimsCase]:
    return {case.name: case for case in claims_matrix(ids)}


def test_cases_have_names_of_their_own(ids: ProbeIds) -> None:
    matrix = claims_matrix(ids)
    assert len({case.name for case in matrix}) == len(matrix) > 150


def test_claims_that_were_never_set_come_first(ids: ProbeIds) -> None:
    assert [case.text is None for case in claims_matrix(ids)].index(True) == 0


def test_every_text_can_be_sent_to_postgresql(cases: dict[str, ClaimsCase]) -> None:
    for case in cases.values():
        assert b"\0" not in (case.text or "").encode()


def test_only_valid_keys_of_a_and_b_have_a_right(
    ids: ProbeIds, cases: dict[str, ClaimsCase]
) -> None:
    assert {case.site for case in cases.values()} == {None, ids.site_a, ids.site_b}
    for case in cases.values():
        if case.must:
            claims = json.loads(case.text or "")
            keys = {ids.site_a: (ids.key_a, ids.key_a_other), ids.site_b: (ids.key_b,)}
            assert claims["site_id"] == case.site
            assert claims["key_id"] in keys[claims["site_id"]]


@pytest.mark.parametrize(
    "name",
    [
        "a session used before: the empty string",
        "spaces",
        "text that is not JSON",
        "truncated JSON",
        "null",
        "an empty array",
        "a null character elsewhere",
        "a lone surrogate elsewhere",
        "site_id ends in a lone high surrogate",
        "key_id is a null character",
        "site_id is 10 kB",
        "key_id is an object",
        "site B with a key of A",
        "a revoked key",
        "an expired key",
        "a key of a deleted site",
        "ids in user_metadata",
        "ids under names in upper case",
        "20 000 levels",
        "A's ids in request headers",
    ],
)
def test_shape_is_in_the_matrix_and_has_no_right(cases: dict[str, ClaimsCase], name: str) -> None:
    assert cases[name].site is None


def test_sql_is_tried_in_every_claim(cases: dict[str, ClaimsCase]) -> None:
    injected = {name.split("SQL in ")[1].split(":")[0] for name in cases if "SQL in" in name}
    assert injected == {"sub", "role", "aud", "iss", "jti", "exp", "extra"}
    for claim in ("site_id", "key_id"):
        assert any(name.startswith(f"{claim} is SQL") for name in cases)
