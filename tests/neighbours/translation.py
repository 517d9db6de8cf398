"""What modeltranslation translates."""

from __future__ import annotations

from modeltranslation.translator import TranslationOptions, register

from tests.neighbours.models import Notice


@register(Notice)
class NoticeTranslation(TranslationOptions):
    fields = ("title", "slug")
