"""Who is limited to some sites finds nothing of others, wherever they look, whatever they post."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from spool_live.admin.limited import LimitedToSites
from spool_live.models import IsolationReport, OutboxEntry, Site, SiteDelivery, WebhookEndpoint
from spool_live.status import Kind, Problem, State, Status, for_sites
from spool_live.status.snapshot import kept
from tests.admin.two_papers import Paper, paper, report_on

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.timeout(600)]
Ids = Callable[[type[Model]], list[Any]]
OURS = [model for model in admin.site._registry if model._meta.app_label == "spool_live"]
OF_ALL = {IsolationReport}
"""What is of no site: its pages say nothing of sites."""
STAYS_HERE = {"send_example", "resend", "resend_failed"}
"""Actions that send something: not for the paper that the user may see."""


@pytest.fixture
def own() -> Paper:
    return paper("Avocet")


@pytest.fixture
def other() -> Paper:
    return paper("Bittern")


@pytest.fixture
def editor(live: Callable[..., None], own: Paper, other: Paper) -> Client:
    """Somebody with every permission of ours, limited to ``own``."""
    live(SITES_FOR_USER=lambda user: None if user.is_superuser else [own.site.pk])
    user: Any = get_user_model().objects.create_user("ada", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="spool_live"))
    client = Client()
    client.force_login(user)
    return client


class Crawler:
    """Asks for pages, and keeps those that show what they must not."""

    def __init__(self, client: Client, own: Paper, other: Paper) -> None:
        self.client, self.texts = client, other.texts
        self.foreign = {f"/{_path(row)}/" for row in other.rows} - {
            f"/{_path(row)}/" for row in own.rows
        }
        self.leaks: list[str] = []
        self.seen: set[str] = set()
        self.linked: set[str] = set()

    def get(self, url: str) -> None:
        """Asks for ``url`` once, and remembers where it leads."""
        if url not in self.seen:
            self.seen.add(url)
            self._judge("GET", url, {}, self.client.get(url, follow=True))

    def post(self, url: str, data: dict[str, Any]) -> None:
        """Posts, and follows."""
        self._judge("POST", url, data, self.client.post(url, data, follow=True))

    def follow_links(self) -> None:
        """Asks for whatever the pages so far lead to."""
        while left := self.linked - self.seen:
            for url in left:
                self.get(url)

    def _judge(self, method: str, url: str, data: dict[str, Any], answer: Any) -> None:
        assert answer.status_code < 500, f"{method} {url}: {answer.status_code}"
        whole = f"{url}?{urlencode(data, doseq=True)}"
        asked = {value for _, value in parse_qsl(urlsplit(whole.replace("?", "&")).path)} | {whole}
        text = answer.content.decode() + str(answer.headers)
        shown = {t for t in self.texts if t in text and not any(t in one for one in asked)}
        shown |= {path for path in self.foreign if path in text and path not in url}
        if shown:
            self.leaks.append(f"{method} {url} {data} shows {sorted(shown)}")
        here = url.partition("?")[0]
        for link in re.findall(r'href="([^"#]+)"', text):
            goal = urljoin(here, unescape(link)).partition("?")[0]
            if goal.startswith("/admin/spool_live/"):
                self.linked.add(goal)


def _path(row: Model) -> str:
    return f"{row._meta.label_lower.replace('.', '/')}/{row.pk}"


def with_id() -> Iterator[tuple[type[Model], str]]:
    """Each page of ours about one object: its model and name."""
    for model, page in admin.site._registry.items():
        if model in OURS:
            for route in page.get_urls():
                if route.name and "<path:" in str(route.pattern):
                    yield model, f"admin:{route.name}"


def lists() -> Iterator[tuple[type[Model], Any, str]]:
    for model in OURS:
        name = model._meta.label_lower.replace(".", "_")
        yield model, admin.site._registry[model], reverse(f"admin:{name}_changelist")


def queries(model: type[Model], page: Any, other: Paper) -> Iterator[str]:
    """What a list is searched and filtered for."""
    site = other.site.pk
    yield f"q={other.word}"
    yield f"q={site}"
    yield f"site={site}"
    yield f"o={len(page.list_display)}&all=&probes=1"
    names = {field.name for field in model._meta.get_fields()}
    if "site" in names:
        yield f"site__id__exact={site}"
        yield f"site__name__startswith={other.word}"
    if "endpoint" in names:
        yield f"endpoint__id__exact={other.row_of(WebhookEndpoint).pk}"
        yield f"endpoint__site__id__exact={site}"
    if "site_id" in names:
        yield f"site_id={site}"


def look_everywhere(crawler: Crawler, other: Paper, ids: Ids) -> None:
    """Every page, with every id; every search, filter and choice; and where they lead."""
    crawler.get(reverse("admin:index"))
    crawler.get(reverse("admin:app_list", args=["spool_live"]))
    for model, name in with_id():
        for pk in ids(model):
            crawler.get(reverse(name, args=[pk]))
    for model, page, url in lists():
        crawler.get(url)
        for query in queries(model, page, other):
            crawler.get(f"{url}?{query}")
        crawler.get(f"{url}add/?site={other.site.pk}")
        for field in [field for field in model._meta.fields if field.is_relation]:
            term = {"app_label": "spool_live", "model_name": model._meta.model_name}
            query = urlencode({**term, "field_name": field.name, "term": other.word[:3]})
            crawler.get(f"{reverse('admin:autocomplete')}?{query}")
    for model in OURS:
        kind = ContentType.objects.get_for_model(model)
        for pk in model._default_manager.values_list("pk", flat=True)[:3]:
            crawler.get(reverse("admin:view_on_site", args=[kind.pk, pk]))
    crawler.follow_links()


def of(other: Paper) -> Ids:
    """The ids of a model's rows, and one that is of no row: the site's."""
    return lambda model: [*model._default_manager.values_list("pk", flat=True), other.site.pk]


def test_every_admin_of_ours_is_limited_and_has_something_of_the_other_paper(other: Paper) -> None:
    assert not [m for m in OURS if not isinstance(admin.site._registry[m], LimitedToSites)]
    shown = {m for m in OURS if not m._meta.proxy} - OF_ALL
    assert shown == {type(row) for row in other.rows} & set(OURS)


def test_nothing_of_another_site_is_shown(editor: Client, own: Paper, other: Paper) -> None:
    report_on(other)
    crawler = Crawler(editor, own, other)
    look_everywhere(crawler, other, of(other))
    assert not crawler.leaks
    assert len(crawler.seen) > 200


@pytest.mark.slow
def test_same_walk_finds_it_where_nobody_is_limited(
    admin_client: Client, own: Paper, other: Paper
) -> None:
    report_on(other)
    crawler = Crawler(admin_client, own, other)
    look_everywhere(crawler, other, of(other))
    shown = " ".join(crawler.leaks)
    assert not [text for text in crawler.texts if text not in shown and "-" not in text]
    for model, _, url in lists():
        assert f"GET {url} {{}} shows" in shown or model in OF_ALL or model._meta.proxy


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_is_shown_with_any_id_on_any_page(editor: Client, own: Paper, other: Paper) -> None:
    report = report_on(other)
    every = {row.pk for row in (*own.rows, *other.rows, report)}
    users = get_user_model().objects.values_list("pk", flat=True)
    kinds = apps.get_app_config("spool_live").get_models()
    every |= {pk for model in kinds for pk in model._default_manager.values_list("pk", flat=True)}
    crawler = Crawler(editor, own, other)
    look_everywhere(crawler, other, lambda model: sorted({*every, *users}, key=str))
    assert not crawler.leaks


def test_own_pages_are_there(editor: Client, own: Paper) -> None:
    for model, _, url in lists():
        answer = editor.get(url)
        assert answer.status_code == 200
        assert own.word in answer.content.decode() or model in OF_ALL or model._meta.proxy
    for row in own.rows:
        if type(row) in OURS and getattr(row, "subject", "") != "default-Avocet":
            answer = editor.get(reverse(f"admin:{_name(row)}", args=[row.pk]))
            assert answer.status_code == 200, row


def _name(row: Model) -> str:
    return f"{row._meta.label_lower.replace('.', '_')}_change"


def test_nothing_of_another_site_is_changed(editor: Client, own: Paper, other: Paper) -> None:
    before, logged = other.stored(), LogEntry.objects.count()
    crawler = Crawler(editor, own, other)
    posted = {"post": "yes", "name": "Magpie", "overlap_hours": "1", "site": other.site.pk}
    for model, name in with_id():
        for pk in of(other)(model):
            if pk in {row.pk for row in other.rows if type(row) is model}:
                crawler.post(reverse(name, args=[pk]), posted)
    for model, page, url in lists():
        pks = [row.pk for row in other.rows if type(row) is model]
        for action in page.actions or ():
            chosen = {"action": action, "_selected_action": pks, "post": "yes"}
            crawler.post(url, chosen)
            if action not in STAYS_HERE:
                crawler.post(url, {**chosen, "select_across": "1"})
        crawler.post(url, {"action": "delete_selected", "_selected_action": pks, "post": "yes"})
        crawler.post(f"{url}add/", {**posted, "url": "https://magpie.invalid/", "rate": "0"})
    assert not crawler.leaks
    assert other.stored() == before
    assert not LogEntry.objects.filter(object_repr__contains=other.word).exists()
    assert not LogEntry.objects.filter(object_id=str(other.site.pk)).exists()
    assert logged == 0


def test_status_in_general_names_no_site(own: Paper, other: Paper, editor: Client) -> None:
    now = own.site.created_at
    reason = f"1 update of {other.word} has waited"
    problems = [
        Problem(kind, State.STOPPED, now, reason, reason, "default", site.pk if site else None)
        for kind in Kind
        for site in (None, own.site, other.site)
    ]
    found = for_sites(Status(now, tuple(problems), (reason,)), [own.site.pk])
    assert len(found.problems) == 2 * len(Kind)
    for problem in found.problems:
        assert problem.site_id in {None, own.site.pk}
        assert (problem.reason == reason) is (problem.site_id is not None)
        assert problem.reason
    assert not found.notices
    assert found.state is State.STOPPED


def test_limits_are_asked_for_once_a_request(
    live: Callable[..., None], own: Paper, staff: Callable[..., Client]
) -> None:
    asked: list[str] = []

    def sites(user: Any) -> Any:
        asked.append(user.get_username())
        return Site.objects.filter(pk=own.site.pk)

    live(SITES_FOR_USER=sites)
    client = staff("view_webhookendpoint")
    client.get(reverse("admin:spool_live_webhookendpoint_changelist"))
    assert asked == ["grace"]


def test_what_waits_of_another_site_is_not_named(
    editor: Client, admin_client: Client, own: Paper, other: Paper
) -> None:
    OutboxEntry.objects.filter(site_id=own.site.pk, state="pending").delete()
    SiteDelivery.objects.update(last_error="", retry_at=None)
    for url in ("site", "dashboard"):
        kept.forget()
        page = reverse(f"admin:spool_live_{url}_changelist")
        assert f"of {other.site} has waited" in admin_client.get(page).content.decode()
        text = editor.get(page).content.decode()
        assert "Nothing delivers updates" in text
        assert other.word not in text
