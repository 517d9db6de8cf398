"""Unfold's admin, with reversion's in it for one model."""

from __future__ import annotations

from django.contrib import admin
from reversion.admin import VersionAdmin
from unfold.admin import ModelAdmin

from tests.neighbours import models


@admin.register(models.Report)
class ReportAdmin(ModelAdmin):
    list_display = ("title",)


@admin.register(models.Dossier)
class DossierAdmin(VersionAdmin):
    list_display = ("title",)
