"""``spool_live.contrib.wagtail`` in a small Wagtail project (``tox run -e wagtail``)."""
