"""What is sealed can be read with the label, the place and the key that it was sealed with."""

from __future__ import annotations

from typing import Any

import pytest

from spool_live.sealing import seal, unseal


def test_sealed_text_can_be_read_again_and_says_nothing() -> None:
    sealed = seal("spool_x_secret", label="keys", place="key 1")
    assert "secret" not in sealed
    assert sealed != seal("spool_x_secret", label="keys", place="key 1")
    assert unseal(sealed, label="keys", place="key 1") == "spool_x_secret"


@pytest.mark.parametrize(("label", "place"), [("other", "key 1"), ("keys", "key 2")])
def test_other_label_or_place_reads_nothing(label: str, place: str) -> None:
    assert unseal(seal("x", label="keys", place="key 1"), label=label, place=place) is None


@pytest.mark.parametrize("text", ["", "1.", "1.%%%", "2.AAAA", "1." + "A" * 40, "plain"])
def test_what_was_not_sealed_reads_as_nothing(text: str) -> None:
    assert unseal(text, label="keys", place="key 1") is None


def test_former_key_reads_and_another_does_not(settings: Any) -> None:
    sealed = seal("x", label="keys", place="key 1")
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another key of at least 32 characters...."
    assert unseal(sealed, label="keys", place="key 1") is None
    settings.SECRET_KEY_FALLBACKS = [former]
    assert unseal(sealed, label="keys", place="key 1") == "x"
