"""What ``0001_initial`` makes, without depending on the user model's app: a user model that belongs
to a site could not be migrated. The tables are the same, to the last index, so an installation that
has them counts as having run this migration."""

from importlib import import_module
from typing import Any

from django.db import migrations

from spool_live.models.users import UserKeyField
from spool_live.supabase.taken_tables import RefuseTakenTables

INITIAL = import_module("spool_live.migrations.0001_initial").Migration
CREATED_BY = UserKeyField(
    db_column="created_by_id",
    db_index=True,
    editable=False,
    null=True,
    verbose_name="created by",
)


def created(operation: Any) -> migrations.CreateModel:
    """``operation`` with the key of a user in place of a foreign key."""
    fields = [(name, CREATED_BY if name == "created_by" else f) for name, f in operation.fields]
    return migrations.CreateModel(operation.name, fields, options=operation.options)


class Migration(migrations.Migration):
    initial = True
    replaces = [("spool_live", "0001_initial")]

    operations = [
        RefuseTakenTables(*(made.options["db_table"] for made in INITIAL.operations)),
        *map(created, INITIAL.operations),
    ]
