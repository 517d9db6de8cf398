"""Snippets, and the pages that use snippets, images and documents."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.base import ContentFile
from wagtail.documents import get_document_model
from wagtail.images import get_image_model
from wagtail.images.tests.utils import get_test_image_file
from wagtail.models import Locale
from wagtail.models import Site as WagtailSite
from wagtail.rich_text import RichText

from tests.contrib.wagtail.cms import Cms
from tests.contrib.wagtail.content.models import Author, Notice
from tests.contrib.wagtail.tree import Tree


@pytest.fixture
def image(tree: Tree) -> Any:
    return get_image_model().objects.create(title="Waves", file=get_test_image_file())


@pytest.fixture
def author(tree: Tree) -> Any:
    locale = Locale.objects.get(language_code="en")
    made = Author.objects.create(name="Ann", locale=locale, live=False)
    made.save_revision().publish()
    tree.forget()
    return Author.objects.get()


def publish(tree: Tree, slug: str, **fields: Any) -> None:
    page = tree[slug]
    for name, value in fields.items():
        setattr(page, name, value)
    page.save_revision().publish()
    tree.forget()


class TestSnippets:
    def test_snippet_of_every_site(self, tree: Tree) -> None:
        locale = Locale.objects.get(language_code="en")
        author = Author.objects.create(name="Ann", locale=locale, live=False)
        assert tree.recorded() == []
        author.save_revision().publish()
        assert sorted(tree.recorded()) == [
            "published authors None",
            "town: published authors None",
        ]

    def test_draft_is_not_recorded(self, tree: Tree, author: Any) -> None:
        author.name = "Anne"
        author.save_revision()
        assert tree.recorded() == []
        author.save_revision().publish()
        assert sorted(tree.recorded()) == ["town: updated authors None", "updated authors None"]

    def test_unpublished_and_deleted(self, tree: Tree, author: Any) -> None:
        author.unpublish()
        assert sorted(tree.recorded()) == [
            "town: updated authors None published=False",
            "updated authors None published=False",
        ]
        author.delete()
        assert tree.recorded() == []

    def test_through_the_admin(self, tree: Tree, author: Any) -> None:
        cms = Cms(tree.user)
        view = "wagtailsnippets_content_author"
        cms.post(f"{view}:unpublish", author.pk)
        assert len(tree.recorded()) == 2
        author.refresh_from_db()
        author.get_latest_revision().publish()
        assert len(tree.recorded()) == 2
        cms.post(f"{view}:delete", author.pk)
        assert sorted(tree.recorded()) == ["deleted authors None", "town: deleted authors None"]

    def test_snippet_of_one_site(self, tree: Tree) -> None:
        town = WagtailSite.objects.get(hostname="town.example")
        notice = Notice.objects.create(site=town, text="Closed")
        assert tree.recorded() == ["town: created notices None"]
        notice.text = "Open"
        notice.save()
        assert tree.recorded() == ["town: updated notices None"]
        notice.save()
        assert tree.recorded() == []
        notice.site = WagtailSite.objects.get(hostname="harbour.example")
        notice.save()
        assert sorted(tree.recorded()) == ["created notices None", "town: deleted notices None"]
        notice.delete()
        assert tree.recorded() == ["deleted notices None"]


class TestReferences:
    def test_image_that_changes(self, tree: Tree, image: Any) -> None:
        publish(tree, "storm", lead_image=image)
        publish(tree, "ferry", body=[("image", image)])
        image.title = "High waves"
        image.save()
        assert sorted(tree.recorded()) == ["updated articles ferry", "updated articles storm"]
        image.save()
        assert tree.recorded() == []

    def test_image_of_a_draft(self, tree: Tree, image: Any) -> None:
        page = tree["draft"]
        page.lead_image = image
        page.save()
        tree.forget()
        image.title = "High waves"
        image.save()
        assert tree.recorded() == []

    def test_image_that_is_deleted(self, tree: Tree, image: Any) -> None:
        publish(tree, "storm", lead_image=image)
        image.delete()
        assert tree.recorded() == ["updated articles storm"]

    def test_document_that_a_text_links_to(self, tree: Tree) -> None:
        file = ContentFile(b"06:00", name="timetable.txt")
        document = get_document_model().objects.create(title="Timetable", file=file)
        link = f'<p><a linktype="document" id="{document.pk}">when</a></p>'
        publish(tree, "ferry", body=[("text", RichText(link))])
        document.title = "Timetable of the winter"
        document.save()
        assert tree.recorded() == ["updated articles ferry"]
        document.delete()
        assert tree.recorded() == ["updated articles ferry"]

    def test_image_of_a_snippet_of_a_page(self, tree: Tree, image: Any, author: Any) -> None:
        author.portrait = image
        author.save_revision().publish()
        publish(tree, "storm", body=[("author", author)])
        image.title = "Ann at sea"
        image.save()
        assert tree.recorded() == ["updated articles storm"]

    def test_snippet_in_a_page(self, tree: Tree, author: Any) -> None:
        publish(tree, "storm", body=[("author", author)])
        author.name = "Anne"
        author.save_revision().publish()
        assert "updated articles storm" in tree.recorded()

    def test_image_that_many_pages_use(self, tree: Tree, image: Any) -> None:
        for slug in ("storm", "ferry", "timetable", "quay"):
            publish(tree, slug, lead_image=image)
        for number in range(2):
            page = tree["storm"].copy(update_attrs={"slug": f"storm-{number}"})
            assert page.live
        tree.forget()
        image.title = "High waves"
        image.save()
        assert tree.recorded() == ["updated articles None descendants=True"]
