"""An editor saves; the paper's page follows, the other paper's page does not."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

if not os.environ.get("SPOOL_LIVE_REQUIRE_BROWSER"):
    pytest.importorskip("playwright", reason="playwright is not installed: run tox -e browser")

from collections.abc import Iterator

from playwright.sync_api import Browser, expect

from tests.demo.running import REPOSITORY, RunningDemo

from .people import Editor, Reader, card, log_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

FERRY, LAMP, REGATTA = "Winter timetable", "The lamp at Gannet Point", "Rowing club takes"
DRAFT, DREDGER = "Harbour dues", "What the dredger found"
HIGHLIGHT_IS_LIT = """() => {
    const card = document.querySelector("[data-fresh=changed]");
    return card !== null && getComputedStyle(card, "::before").opacity > 0.98;
}"""


@pytest.fixture(scope="module")
def reader(browser: Browser, demo: RunningDemo) -> Iterator[Reader]:
    reader = Reader(browser, demo)
    yield reader
    reader.context.close()


@pytest.fixture(scope="module")
def courier_editor(browser: Browser, demo: RunningDemo) -> Editor:
    return Editor(browser, demo, demo.sites[0])


def test_editor_sees_the_own_sites_articles_only(courier_editor: Editor) -> None:
    assert courier_editor.sees(FERRY)
    assert not courier_editor.sees("A telescope made of a thousand")


def test_edited_draft_is_heard_and_changes_nothing(reader: Reader, courier_editor: Editor) -> None:
    before = reader.courier.locator(".river").inner_html()
    courier_editor.edit(DRAFT, summary="Still not for readers.")
    expect(reader.courier.locator(".wire-row[data-outcome]")).to_have_count(1)
    [row] = log_of(reader.courier)
    assert (row["event"], row["outcome"]) == ("updated", "not public")
    assert reader.courier.locator(".river").inner_html() == before
    assert "Still not for readers." not in reader.traffic()


def test_edit_is_on_its_page_within_a_second_and_on_no_other(
    reader: Reader, courier_editor: Editor
) -> None:
    courier_editor.edit(FERRY, title="Dawn ferry sails, and the coffee is ready at five")
    expect(card(reader.courier, "the coffee is ready at five")).to_be_visible()
    row = log_of(reader.courier)[0]
    assert (row["event"], row["outcome"]) == ("updated", "changed")
    assert row["name"] == "articles / dawn-ferry-outer-islands"
    assert row["shown"] == f"{row['ms']} ms"
    assert 0 < row["ms"] < 1000
    assert log_of(reader.parallax) == []
    assert reader.parallax.locator("[data-wire=count]").inner_text() == "0"


@pytest.mark.parametrize(
    ("theme", "summary"),
    [
        ("light", "From Monday the first boat leaves at 05.40, and the hatch opens before it."),
        ("dark", "From Monday the first boat leaves at 05.40. Bring a cup of your own."),
    ],
    ids=["light", "dark"],
)
def test_split_view_is_worth_a_picture(
    reader: Reader, courier_editor: Editor, theme: Literal["light", "dark"], summary: str
) -> None:
    """``SPOOL_LIVE_SCREENSHOTS=docs/images`` renews the pictures of the documentation."""
    folder = REPOSITORY / os.environ.get("SPOOL_LIVE_SCREENSHOTS", "test-results")
    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / f"demo-split{'-dark' if theme == 'dark' else ''}.png"
    reader.page.emulate_media(color_scheme=theme)
    courier_editor.edit("the coffee is ready at five", summary=summary)
    expect(card(reader.courier, "the coffee is ready at five")).to_contain_text(summary)
    reader.courier.wait_for_function(HIGHLIGHT_IS_LIT)
    reader.page.screenshot(path=picture)
    assert picture.stat().st_size > 100_000


def test_published_draft_appears_in_its_place_and_leaves_when_unpublished(
    reader: Reader, courier_editor: Editor
) -> None:
    count = reader.courier.locator(".river .card").count()
    courier_editor.edit(DRAFT, status="Published")
    expect(card(reader.courier, DRAFT)).to_be_visible()
    first = reader.courier.locator(".river .card").first
    expect(first).to_contain_text(DRAFT)
    assert log_of(reader.courier)[0]["event"] == "published"
    courier_editor.edit(DRAFT, status="Draft")
    expect(card(reader.courier, DRAFT)).to_have_count(0)
    expect(reader.courier.locator(".river .card")).to_have_count(count)
    assert log_of(reader.courier)[0]["outcome"] == "removed"


def test_deleted_article_disappears(reader: Reader, courier_editor: Editor) -> None:
    expect(card(reader.courier, REGATTA)).to_have_count(1)
    courier_editor.delete(REGATTA)
    expect(card(reader.courier, REGATTA)).to_have_count(0)
    row = log_of(reader.courier)[0]
    assert (row["event"], row["outcome"]) == ("deleted", "removed")


def test_renamed_section_changes_every_card_of_it(reader: Reader, courier_editor: Editor) -> None:
    courier_editor.rename_section("Culture", "Arts & Heritage")
    kicker = card(reader.courier, LAMP).locator(".kicker span")
    expect(kicker).to_have_text("Arts & Heritage")
    assert log_of(reader.courier)[0]["name"] == "categories / culture"


def test_scheduled_article_appears_by_itself(reader: Reader, courier_editor: Editor) -> None:
    due = (datetime.now(UTC) + timedelta(seconds=8)).replace(microsecond=0)
    courier_editor.edit(
        DREDGER, publish_at_0=due.strftime("%Y-%m-%d"), publish_at_1=due.strftime("%H:%M:%S")
    )
    shown = card(reader.courier, DREDGER).count()
    if datetime.now(UTC) < due:  # on a slow machine the moment may have come
        assert shown == 0
    expect(card(reader.courier, DREDGER)).to_be_visible(timeout=30_000)
    assert datetime.now(UTC) >= due


def test_story_changes_while_it_is_read_moves_and_is_withdrawn(
    browser: Browser, demo: RunningDemo, courier_editor: Editor
) -> None:
    page = browser.new_context().new_page()
    page.goto(demo.sites[0]["page_url"] + "stories/herring-numbers-up/")
    expect(page.locator("html")).to_have_attribute("data-state", "live", timeout=20_000)
    courier_editor.edit("Herring numbers", body="One paragraph.\n\nAnd a second one.")
    expect(page.locator(".story-text p")).to_have_text(["One paragraph.", "And a second one."])
    courier_editor.edit("Herring numbers", slug="herring-are-back")
    page.wait_for_url("**/stories/herring-are-back/")
    courier_editor.edit("Herring numbers", status="Draft")
    expect(page.locator(".withdrawn")).to_be_visible()
    page.context.close()


def test_what_a_page_missed_offline_arrives_in_order(
    reader: Reader, courier_editor: Editor
) -> None:
    before = len(log_of(reader.courier))
    reader.context.set_offline(True)
    try:
        expect(reader.courier.locator("html")).to_have_attribute("data-state", "offline")
        courier_editor.edit(LAMP, summary="First edit while nobody listened.")
        courier_editor.edit("Old chandlery", summary="Second edit while nobody listened.")
        assert len(log_of(reader.courier)) == before
    finally:
        reader.context.set_offline(False)
    reader.wait_until_live()
    expect(card(reader.courier, LAMP)).to_contain_text("First edit while nobody listened.")
    rows = log_of(reader.courier)[: len(log_of(reader.courier)) - before]
    assert [row["name"].split(" / ")[1] for row in rows] == [
        "chandlery-repair-workshop",
        "gannet-point-lamp-electric",
    ]
    assert {row["shown"] for row in rows} == {"caught up"}


def test_page_outlives_the_revocation_of_another_key(
    reader: Reader, demo: RunningDemo, courier_editor: Editor
) -> None:
    """It moves the site's private topic, not its rows; readers with a valid key lose nothing."""
    before = len(reader.seen)
    added = json.loads(
        demo.manage("live_site", "--format", "json", "add-key", demo.sites[0]["name"])
    )
    prefix = json.dumps(added).partition("spool_")[2][:12]
    demo.manage("live_site", "revoke", f"spool_{prefix}")
    deadline = time.monotonic() + 15
    moves = demo.mode == "broadcast"
    while moves and f"site:{demo.sites[0]['id']}:" not in "".join(reader.seen[before:]):
        assert time.monotonic() < deadline, "the page did not join the new topic"
        reader.page.wait_for_timeout(50)
    courier_editor.edit("Council votes", summary="Said while the topic moves.")
    expect(card(reader.courier, "Council votes")).to_contain_text("Said while the topic moves.")
    reader.wait_until_live()
    courier_editor.edit("Council votes", summary="Said after it.")
    expect(card(reader.courier, "Council votes")).to_contain_text("Said after it.")
    assert log_of(reader.courier)[0]["shown"].endswith(" ms")


def test_other_paper_heard_nothing_at_all(reader: Reader) -> None:
    assert log_of(reader.parallax) == []


def test_browser_never_saw_a_secret_nor_another_host(reader: Reader, demo: RunningDemo) -> None:
    reader.page.reload()
    reader.page.wait_for_load_state("networkidle")
    traffic = reader.traffic()
    assert "createClient" in traffic or "realtime" in traffic, "the bundle is part of the traffic"
    assert demo.ready["publishable_key"] in traffic, "what is public was seen"
    assert [name for name, secret in demo.kept_secret.items() if secret in traffic] == []
    assert reader.hosts == {"127.0.0.1"}


def test_pages_ran_without_a_fault(reader: Reader) -> None:
    assert reader.faults == []
