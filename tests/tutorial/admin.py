"""An editor in the admin, without a browser."""

from __future__ import annotations

import re
from collections.abc import Mapping

import httpx

_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


def add_article(admin: str, password: str, fields: Mapping[str, str]) -> None:
    """Signs in as ``editor`` at the address of the admin, and adds an article."""
    with httpx.Client(follow_redirects=True, timeout=60) as browser:
        page = f"{admin.rstrip('/')}/blog/article/add/"
        form = browser.get(page)  # it asks who is there
        signed_in = _submit(browser, form, {"username": "editor", "password": password})
        assert str(signed_in.url) == page, signed_in.text
        saved = _submit(browser, signed_in, fields)
        assert str(saved.url).endswith("/blog/article/"), saved.text


def _submit(
    browser: httpx.Client, page: httpx.Response, fields: Mapping[str, str]
) -> httpx.Response:
    token = _TOKEN.search(page.text)
    assert token, page.text
    hidden = dict(re.findall(r'type="hidden" name="(next)" value="([^"]*)"', page.text))
    data = {**hidden, "csrfmiddlewaretoken": token[1], **fields}
    return browser.post(str(page.url), data=data)
