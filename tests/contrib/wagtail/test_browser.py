"""An editor's way through Wagtail's admin, in headless Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page as Tab
from playwright.sync_api import sync_playwright
from wagtail.models import Page, Revision

from tests.contrib.wagtail.content.models import ArticlePage
from tests.contrib.wagtail.tree import Tree, find, moderated, plant

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(400),
    pytest.mark.django_db(transaction=True),
]
PATIENCE = 60
"""Seconds that a step may take on a machine under load."""
WATCHING = """
window.saved = 0;
document.addEventListener("w-unsaved:watch-edits", () => { window.watching = true });
document.addEventListener("w-autosave:success", () => { window.saved += 1 });
"""
"""Wagtail's autosave looks for edits some time after the page was loaded, and after each save."""


@pytest.fixture
def tree(transactional_db: None) -> Tree:
    if not Page.objects.filter(slug="harbour").exists():
        plant()
    return find()


@pytest.fixture
def tab(tree: Tree, live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tab]:
    """A tab in which the editor is logged in."""
    # Playwright's loop runs in this thread, which is the only one that uses its connection.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    client = Client()
    client.force_login(tree.user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    assert executable, "Chromium is not installed: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        context = browser.new_context(base_url=live_server.url)
        context.add_init_script(WATCHING)
        context.set_default_timeout(PATIENCE * 1000)
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
        yield context.new_page()
        browser.close()


def submitted(tab: Tab) -> Any:
    """Waits for the answer to a form. (A change of the URL's fragment is a navigation, too.)"""
    return tab.expect_response(
        lambda answer: answer.request.method == "POST" and answer.request.is_navigation_request()
    )


def edit(tab: Tab, page: Any) -> None:
    tab.goto(f"/cms/pages/{page.pk}/edit/")


def type_title(tab: Tab, title: str) -> None:
    """Types a title, and waits until Wagtail has saved the draft by itself."""
    tab.wait_for_function("window.watching")
    saved = tab.evaluate("window.saved")
    tab.locator("#id_title").fill(title)
    tab.locator("#id_title").blur()  # what the slug is made of when the field is left
    tab.wait_for_function("saved => window.saved > saved", arg=saved)
    tab.wait_for_url("**/edit/**")
    assert Page.objects.filter(draft_title=title).exists()


def act(tab: Tab, action: str) -> None:
    """Chooses from the editor's menu of actions, and waits for the answer."""
    button = tab.locator(f"button[name='action-{action}']")
    if not button.is_visible():
        tab.locator("footer [data-w-dropdown-target='toggle']").click()
    with submitted(tab):
        button.click()


def confirm(tab: Tab) -> None:
    """Says yes to the question on the page."""
    with submitted(tab):
        tab.locator("button.button:has-text('Yes'), input.button[value^='Yes']").click()


def test_editors_way(tab: Tab, tree: Tree) -> None:
    news, culture, recorded = tree["news"], tree["culture"], tree.recorded
    tree.forget()

    tab.goto(f"/cms/pages/add/content/articlepage/{news.pk}/")
    type_title(tab, "Tide")
    page = ArticlePage.objects.get(draft_title="Tide")
    assert recorded() == []
    edit(tab, page)
    act(tab, "publish")
    assert recorded() == ["published articles tide"]

    edit(tab, page)
    type_title(tab, "Tide tables")
    type_title(tab, "Tide tables of the week")
    assert recorded() == []
    edit(tab, page)
    assert "Subscribers know this page" in (tab.locator("[data-spool-live]").text_content() or "")
    act(tab, "publish")
    assert recorded() == ["updated articles tide"]

    edit(tab, page)
    later = timezone.localtime(timezone.now() + timedelta(days=1))
    tab.locator("[aria-label='Toggle status']").click()
    tab.get_by_role("button", name="Set schedule").click()
    tab.fill("#id_go_live_at", later.strftime("%Y-%m-%d %H:%M"))
    with submitted(tab):
        # The calendar that opens lies over the button.
        tab.get_by_role("button", name="Save schedule").dispatch_event("click")
    edit(tab, page)
    act(tab, "publish")
    assert Revision.objects.filter(approved_go_live_at__isnull=False).exists()
    assert recorded() == []
    Page.objects.filter(pk=page.pk).update(expire_at=timezone.now() - timedelta(hours=1))
    call_command("publish_scheduled")
    assert recorded() == ["updated articles tide published=False"]

    tab.goto(f"/cms/pages/{tree['storm'].pk}/unpublish/")
    confirm(tab)
    assert recorded() == ["updated articles storm published=False"]

    tab.goto(f"/cms/pages/{tree.harbour.pk}/")
    for slug in ("news", "culture"):
        tab.locator(f"[data-bulk-action-checkbox][data-object-id='{tree[slug].pk}']").check()
    tab.locator(".bulk-actions-buttons").get_by_text("Unpublish", exact=True).click()
    confirm(tab)
    assert sorted(recorded()) == [
        "updated sections culture published=False",
        "updated sections news published=False",
    ]

    tab.goto(f"/cms/pages/{tree['ferry'].pk}/move/{culture.pk}/confirm/")
    confirm(tab)
    assert recorded() == [
        "updated articles ferry previous_path=/news/ferry/",
        "updated articles timetable previous_path=/news/ferry/timetable/",
    ]

    tab.goto(f"/cms/pages/{tree['ferry'].pk}/delete/")
    confirm(tab)
    assert sorted(recorded()) == ["deleted articles ferry", "deleted articles timetable"]


def choose_in_listing(tab: Tab, parent: Any, *pages: Any) -> None:
    """Ticks pages in the listing of their parent."""
    tab.goto(f"/cms/pages/{parent.pk}/")
    for page in pages:
        tab.locator(f"[data-bulk-action-checkbox][data-object-id='{page.pk}']").check()


def press(tab: Tab, name: str) -> None:
    """Sends the form that is the page."""
    with submitted(tab):
        tab.get_by_role("button", name=name, exact=True).click()


def test_editors_way_through_the_tree(tab: Tab, tree: Tree) -> None:
    news, storm, recorded = tree["news"], tree["storm"], tree.recorded
    tree.forget()

    edit(tab, news)
    tab.get_by_role("tab", name="Promote").click()
    tab.fill("#id_slug", "current")
    act(tab, "publish")
    assert sorted(recorded()) == [
        "updated articles ferry previous_path=/news/ferry/",
        "updated articles storm previous_path=/news/storm/",
        "updated articles timetable previous_path=/news/ferry/timetable/",
        "updated sections current previous_path=/news/ previous_slug=news",
    ]

    tab.goto(f"/cms/pages/{news.pk}/?ordering=ord")
    tab.locator("[data-w-orderable-target='handle']").nth(1).press("ArrowUp")
    with tab.expect_response(lambda answer: "set_position" in answer.url):
        tab.keyboard.press("Enter")
    assert recorded() == ["updated articles ferry"]

    for slug, box in (("storm-2", "publish_copies"), ("storm-3", "alias")):
        tab.goto(f"/cms/pages/{storm.pk}/copy/")
        tab.fill("#id_new_slug", slug)
        tab.locator(f"#id_{box}").check()
        press(tab, "Copy this page")
        assert recorded() == [f"published articles {slug}"]

    tab.goto(f"/cms/translation/submit/page/{tree.harbour.pk}/")
    tab.locator("input[name='locales']").first.check()
    press(tab, "Submit")
    assert Page.objects.filter(locale__language_code="de").exists()
    assert recorded() == []

    edit(tab, storm)
    tab.locator("[aria-label='Toggle status']").click()
    tab.get_by_role("button", name="Change privacy").or_(
        tab.get_by_role("link", name="Change privacy")
    ).click()
    tab.locator("input[name='restriction_type'][value='login']").check()
    with tab.expect_response(lambda answer: "privacy" in answer.url and answer.ok):
        tab.locator("form[action*='privacy'] [type='submit']").click()
    tab.wait_for_selector("form[action*='privacy']", state="hidden")
    assert sorted(recorded()) == [
        "updated articles storm published=False",
        "updated articles storm-3 published=False",
    ]

    moderated(tree)
    edit(tab, tree["draft"])
    act(tab, "submit")
    assert recorded() == []
    edit(tab, tree["draft"])
    tab.locator("footer [data-w-dropdown-target='toggle']").click()
    with submitted(tab):
        tab.locator("[data-workflow-action-name='approve']").first.click()
    assert recorded() == ["published articles draft"]

    choose_in_listing(tab, tree.harbour, tree["culture"], tree["draft"])
    tab.locator(".bulk-actions-buttons").get_by_text("Delete", exact=True).click()
    confirm(tab)
    assert sorted(recorded()) == ["deleted articles draft", "deleted sections culture"]
