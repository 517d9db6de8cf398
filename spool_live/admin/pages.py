"""Pages of this app within the frame of Django's admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

STYLE = "spool_live/admin.css"
COPY_SCRIPT = "spool_live/copy.js"


def page(
    model_admin: admin.ModelAdmin,
    request: HttpRequest,
    template: str,
    **context: Any,
) -> TemplateResponse:
    """Return the page ``admin/spool_live/<template>.html`` in the frame of the admin.

    ``context`` should hold ``title`` and, for the breadcrumbs, ``original``. Browsers do not cache
    the page, since ``AdminSite.admin_view`` serves it.
    """
    opts = model_admin.opts
    shown = {
        **model_admin.admin_site.each_context(request),
        "opts": opts,
        "media": model_admin.media,
        **context,
    }
    return TemplateResponse(request, f"admin/spool_live/{template}.html", shown)


def may_view(request: HttpRequest, model: str) -> bool:
    """Return whether the user may view rows of ``model`` (a name in lower case)."""
    names = (f"spool_live.view_{model}", f"spool_live.change_{model}")
    return any(request.user.has_perm(name) for name in names)


def link(url: str | None, text: object) -> str | SafeString:
    """Return ``text`` as a link to ``url``, or as it is where there is none."""
    return format_html('<a href="{}">{}</a>', url, text) if url else str(text)
