"""Wagtail's admin, as an editor's browser would use it, by Django's test client."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.urls import reverse
from wagtail.test.utils.form_data import querydict_from_html


class Cms:
    """The admin with an editor logged in. Each method is one thing that an editor does."""

    def __init__(self, user: Any) -> None:
        self.client = Client()
        self.client.force_login(user)

    def post(self, name: str, *args: Any, query: str = "", **data: Any) -> Any:
        """Posts to a view of the admin; fails where it answers with an error or a form again."""
        answer = self.client.post(reverse(name, args=args) + query, data)
        assert answer.status_code < 400, answer.content
        form = getattr(answer, "context", None) and answer.context.get("form")
        assert not (form and form.is_bound and form.errors), form.errors
        return answer

    def form(self, name: str, *args: Any, form_id: str | None = None) -> dict[str, Any]:
        """What a form of the admin would send, unchanged."""
        html = self.client.get(reverse(name, args=args)).content.decode()
        if form_id is None:
            form_id = "page-edit-form" if "page-edit-form" in html else None
        sent = querydict_from_html(html, form_id=form_id)
        return {"body-count": ["0"], **{name: sent.getlist(name) for name in sent}}

    def create(self, parent: Any, model: str, *, publish: bool = False, **fields: Any) -> Any:
        """A new page below ``parent``, saved as a draft or published."""
        args = ("content", model, parent.pk)
        sent = {**self.form("wagtailadmin_pages:add", *args), **fields}
        if publish:
            sent["action-publish"] = "action-publish"
        return self.post("wagtailadmin_pages:add", *args, **sent)

    def edit(self, page: Any, action: str | None = None, **fields: Any) -> Any:
        """The editor: saves a draft, or does ``action`` (``"publish"``, ``"submit"``)."""
        sent = {**self.form("wagtailadmin_pages:edit", page.pk), **fields}
        if action:
            sent[f"action-{action}"] = f"action-{action}"
        return self.post("wagtailadmin_pages:edit", page.pk, **sent)

    def bulk(self, action: str, *pages: Any, **fields: Any) -> Any:
        """A bulk action on pages."""
        query = "?" + "&".join(f"id={page.pk}" for page in pages) + "&next=/cms/"
        sent = {"include_descendants": "", **fields}
        return self.post("wagtail_bulk_action", "wagtailcore", "page", action, query=query, **sent)

    def restrict(self, page: Any, kind: str, **fields: Any) -> Any:
        """Sets the privacy of a page: ``login``, ``password`` or ``none``."""
        return self.post("wagtailadmin_pages:set_privacy", page.pk, restriction_type=kind, **fields)
