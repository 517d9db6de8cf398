"""Integer parameters are ASCII digits, and not many of them."""

from __future__ import annotations

import pytest
from rest_framework.exceptions import ValidationError

from spool_live.api.serializers import CursorSerializer


@pytest.mark.parametrize("value", ["\u096b", "\uff17", "1_000", " 7", "+7", "9" * 5_000, "1.0"])
def test_what_python_takes_for_a_number_is_refused(value: str) -> None:
    with pytest.raises(ValidationError):
        CursorSerializer(data={"after": value}).is_valid(raise_exception=True)


def test_ascii_digits_are_taken() -> None:
    query = CursorSerializer(data={"after": "9223372036854775807", "limit": "7"})
    assert query.is_valid()
    assert query.validated_data == {"after": 2**63 - 1, "limit": 7}
