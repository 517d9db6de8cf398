"""The newsroom's periodic tasks."""

from __future__ import annotations

from celery import shared_task

from .models import Article


@shared_task(ignore_result=True)
def publish_due_articles() -> int:
    """Publish every scheduled article whose time has come; return their number.

    They are saved one by one, so that each is captured like an edit by hand.
    """
    due = list(Article.objects.due())
    for article in due:
        article.status = Article.Status.PUBLISHED
        article.save(update_fields=["status", "updated_at"])
    return len(due)
