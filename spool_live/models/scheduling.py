"""Times at which content is published or withdrawn without being saved."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from spool_live.updates import COLLECTION_LIMIT


class ScheduledMoment(models.Model):
    """A time at which an item may be published or withdrawn, until the sweep has handled it.

    Written in the transaction that saves the item, or by the sweep, which looks a few minutes
    ahead. The process that deletes the row records the update, so that it is recorded once.
    """

    id = models.BigAutoField(primary_key=True)
    collection = models.CharField(max_length=COLLECTION_LIMIT)
    item_id = models.UUIDField()
    item_key = models.TextField(help_text="The primary key of the item, as text.")
    at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "live_scheduled_moments"
        verbose_name = "scheduled moment"
        verbose_name_plural = "scheduled moments"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["collection", "item_id", "at"], name="live_scheduled_moments_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.collection} {self.item_key} at {self.at:%Y-%m-%d %H:%M:%S}"
