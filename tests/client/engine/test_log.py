"""The log: from the CMS, or as much of it as Supabase can prove."""

from __future__ import annotations

import pytest

from spool_live.client.engine.log import contiguous_page
from spool_live.client.exceptions import ServerUnreachableError
from tests.client.engine.test_sequencer import updates

CAUSE = ServerUnreachableError("the CMS is away")


def test_rows_without_a_gap_are_a_page() -> None:
    page = contiguous_page(updates(4, 5, 6), 3, CAUSE)
    assert page.updates == updates(4, 5, 6)
    assert (page.seq, page.next, page.epoch) == (6, 6, None)


def test_no_rows_are_the_end() -> None:
    page = contiguous_page([], 3, CAUSE)
    assert (page.updates, page.seq, page.next) == ([], 3, None)


def test_page_ends_before_a_gap() -> None:
    page = contiguous_page(updates(4, 6), 3, CAUSE)
    assert page.updates == updates(4)
    assert page.next is None


def test_gap_at_the_beginning_is_the_cms_error() -> None:
    """Refused, or older than an hour: only the CMS knows."""
    with pytest.raises(ServerUnreachableError, match="the CMS is away"):
        contiguous_page(updates(5, 6), 3, CAUSE)
