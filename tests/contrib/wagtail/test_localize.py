"""wagtail-localize: translations of pages that follow their source."""

from __future__ import annotations

import pytest
from django.test import TestCase
from wagtail.models import Locale
from wagtail_localize.models import StringTranslation, Translation, TranslationSource

from tests.contrib.wagtail.content.models import ArticlePage
from tests.contrib.wagtail.tree import Tree

WRITTEN_TWICE = ["updated articles storm", "updated articles storm"]
"""wagtail-localize changes the live page in its transaction, and publishes it after the commit."""


def save(translation: Translation, *, publish: bool = True) -> None:
    """As its editor does; wagtail-localize publishes once that is committed."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        translation.save_target(publish=publish)


@pytest.fixture
def german(tree: Tree) -> Locale:
    """The other language, with the home and the section of the first site."""
    locale = Locale.objects.get(language_code="de")
    for page in (tree.harbour, tree["news"]):
        save(translate(page, locale))
    tree.forget()
    return locale


def translate(page: object, locale: Locale) -> Translation:
    source, _ = TranslationSource.update_or_create_from_instance(page)
    return Translation.objects.create(source=source, target_locale=locale)


def test_translation_is_published_by_itself(tree: Tree, german: Locale) -> None:
    translation = translate(tree["storm"], german)
    assert tree.recorded() == []
    save(translation)
    assert tree.recorded() == ["published articles storm"]
    page = ArticlePage.objects.get(locale=german, slug="storm")
    assert page.translation_key == tree["storm"].translation_key


def test_translation_that_is_saved_as_a_draft(tree: Tree, german: Locale) -> None:
    save(translate(tree["storm"], german), publish=False)
    assert tree.recorded() == []


def test_string_that_is_translated_later(tree: Tree, german: Locale) -> None:
    translation = translate(tree["storm"], german)
    save(translation)
    tree.forget()
    segment = translation.source.stringsegment_set.get(string__data="It blows")
    StringTranslation.objects.create(
        translation_of=segment.string, locale=german, context=segment.context, data="Es stürmt"
    )
    save(translation)
    assert ArticlePage.objects.get(locale=german, slug="storm").teaser == "Es stürmt"
    assert tree.recorded() == WRITTEN_TWICE


def test_source_that_changes(tree: Tree, german: Locale) -> None:
    translation = translate(tree["storm"], german)
    save(translation)
    tree.forget()
    page = tree["storm"]
    page.teaser = "It blew"
    page.save_revision().publish()
    assert tree.recorded() == ["updated articles storm"]
    translation.source.update_from_db()
    save(translation)
    assert tree.recorded() == WRITTEN_TWICE
