"""One edit from a process of its own, which ends right after it.

``python -m tests.worker.edit SITE_ID SLUG FLUSH`` prints the seconds that the save took. It waits
``FLUSH`` seconds for its nudge to leave.
"""

from __future__ import annotations

import logging
import os
import sys
import time

import django


def main(site_id: str, slug: str, flush: str) -> None:
    """Saves a new article."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.worker.settings")
    logging.basicConfig(level=logging.WARNING)
    django.setup()
    from spool_live import nudge
    from tests.testapp.models import Article
    from tests.worker import celery  # noqa: F401 - as a project's own __init__ would

    nudge.FLUSH_AT_EXIT = float(flush)
    Article.objects.count()  # the connection is there before the clock runs
    began = time.perf_counter()
    Article.objects.create(site_id=site_id, slug=slug)
    print(time.perf_counter() - began)  # noqa: T201 - for the test that started us


if __name__ == "__main__":
    main(*sys.argv[1:])
