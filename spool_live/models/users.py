"""A foreign key to the user model that is a plain column in the migrations.

A foreign key makes a migration depend on the first migration of the user model's app. If the user
model belongs to a site, that migration depends on ours in turn: neither could run first, and
``migrate`` would end in ``CircularDependencyError``. So the migrations have only the column, and
not the relation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    Field = models.Field[Any, Any]
else:
    Field = models.Field


class UserKeyField(Field):
    """The field in the migrations: a column with the type of the user model's primary key."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        """Return the parameters that a foreign key to the user model would have."""
        key = get_user_model()._meta.pk
        return {
            "type": key.rel_db_type(connection),
            "check": None,
            "collation": key.db_parameters(connection).get("collation"),
        }

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        """Return the type that a foreign key to the user model would have."""
        return get_user_model()._meta.pk.rel_db_type(connection)


class UserForeignKey(models.ForeignKey[Any, Any]):
    """The field in the models: a foreign key without a constraint, as the users may be in another
    database than the content."""

    def __init__(self, to: Any, on_delete: Any, **kwargs: Any) -> None:
        super().__init__(to, on_delete, **{**kwargs, "db_constraint": False})

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """Deconstruct as a ``UserKeyField`` with the same column and index."""
        name, _, _, kwargs = super().deconstruct()
        path = f"{UserKeyField.__module__}.{UserKeyField.__qualname__}"
        of_the_relation = ("to", "on_delete", "related_name", "db_constraint")
        column = {key: value for key, value in kwargs.items() if key not in of_the_relation}
        return name, path, [], {"db_index": True, **column, "db_column": self.column}

    def clone(self) -> Any:
        """Return the field that the migrations have in its place."""
        _, _, _, kwargs = self.deconstruct()
        return UserKeyField(**kwargs)
