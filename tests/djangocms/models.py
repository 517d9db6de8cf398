"""A plugin of the project's own."""

from __future__ import annotations

from cms.models import CMSPlugin
from django.db import models


class Paragraph(CMSPlugin):
    text = models.TextField()
