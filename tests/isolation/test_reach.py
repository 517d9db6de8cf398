"""Ways around the policies, each broken and mended."""

from __future__ import annotations

import pytest

from tests.isolation.conftest import Superuser
from tests.isolation.mutating import Mutation, cases, read_mutations
from tests.isolation.test_mutations import break_and_repair

WAYS = [*read_mutations("reach_mutations"), *read_mutations("code_mutations")]


@pytest.mark.parametrize("mutation", cases(WAYS))
def test_way_is_found_and_named(superuser: Superuser, mutation: Mutation) -> None:
    break_and_repair(superuser, mutation)


def test_path_is_named(superuser: Superuser) -> None:
    (copied,) = (
        m
        for m in read_mutations("mutations")
        if m.name == "what is copied from Realtime's messages is shown in a view"
    )
    copied.apply(superuser)
    (reason,) = (f.reason for f in superuser.audit().findings if f.subject == "public.latest")
    path = "anon -> public.latest (view) -> hidden.copy <- trigger keep on realtime.messages"
    assert reason.startswith(path)
