"""The plugin, for django CMS to find."""

from __future__ import annotations

from cms.plugin_base import CMSPluginBase
from cms.plugin_pool import plugin_pool

from tests.djangocms.models import Paragraph


@plugin_pool.register_plugin
class ParagraphPlugin(CMSPluginBase):
    model = Paragraph
    name = "Paragraph"
    render_template = "djangocms/page.html"
