"""The transaction in which a verification runs. It is limited in time and always rolled back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import resources
from typing import Any

from django.db import DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from spool_live.exceptions import SpoolLiveError

STATEMENT_TIMEOUT = "15s"
LOCK_TIMEOUT = "2s"
_LOCKED = "55P03"
_CANCELED = "57014"
_INTERRUPTED = ("08", "57")  # connection exceptions, operator intervention


class CannotVerifyError(SpoolLiveError):
    """An error that prevents the verification; the message says why, and what to do."""


class Sandbox:
    """A transaction in which the named files of ``spool_live/isolation/sql`` are run.

    The search path holds only ``pg_catalog``, so every name is qualified, also in definitions that
    PostgreSQL writes out. ``warnings`` are the messages that functions of the database raised.
    """

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.alias = connection.alias
        self.warnings: list[str] = []

    def rows(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the rows of ``sql/<name>.sql`` as dicts.

        Raises ``django.db.DatabaseError``.
        """
        with self.connection.cursor() as cursor:
            cursor.execute(read_sql(name), parameters or {})
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def row(self, name: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the only row of ``sql/<name>.sql``."""
        (found,) = self.rows(name, parameters)
        return found

    def execute(
        self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None
    ) -> None:
        """Run ``statement`` (several are allowed where there are no parameters)."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Run the block in a savepoint, which is rolled back only if the block raises."""
        with transaction.atomic(using=self.alias):
            yield

    @contextmanager
    def rolled_back(self) -> Iterator[None]:
        """Run the block in a savepoint, and roll it back in any case."""
        with transaction.atomic(using=self.alias):
            yield
            transaction.set_rollback(True, using=self.alias)


@contextmanager
def sandbox(alias: str) -> Iterator[Sandbox]:
    """Open a ``Sandbox`` on the database ``alias``.

    What it writes blocks no writer of other rows, reaches no subscriber (rows that are rolled back
    never do), and is rolled back at the end. Raises ``CannotVerifyError`` if the database cannot be
    reached, or another session holds a lock for longer than ``LOCK_TIMEOUT``.
    """
    connection = connections[alias]
    if connection.vendor != "postgresql":
        raise CannotVerifyError(
            f"The database {alias!r} is {connection.display_name}, not PostgreSQL: point "
            'SPOOL_LIVE["SUPABASE_DATABASE"] (or --database) at the alias of the database that '
            "Supabase serves."
        )
    try:
        with transaction.atomic(using=alias):
            box = Sandbox(connection)
            box.execute(
                read_sql("sandbox"),
                {"statement_timeout": STATEMENT_TIMEOUT, "lock_timeout": LOCK_TIMEOUT},
            )
            with _warnings(box):
                yield box
            transaction.set_rollback(True, using=alias)
    except DatabaseError as error:
        raise CannotVerifyError(_explain(alias, error)) from error


@contextmanager
def _warnings(box: Sandbox) -> Iterator[None]:
    """Collect the warnings that functions of the database raise in ``box.warnings``."""

    def keep(notice: Any) -> None:
        box.warnings.append(notice.message_primary)

    box.connection.connection.add_notice_handler(keep)
    try:
        yield
    finally:
        if box.connection.connection is not None:
            box.connection.connection.remove_notice_handler(keep)


def first_line(error: DatabaseError) -> str:
    """Return PostgreSQL's message without its context."""
    return str(error).strip().partition("\n")[0]


def is_inconclusive(error: DatabaseError) -> bool:
    """Return whether ``error`` (a lost connection, a lock, a timeout) leaves open whether the sites
    are isolated."""
    code = getattr(error.__cause__, "sqlstate", None)
    return code is None or code == _LOCKED or code[:2] in _INTERRUPTED


def _explain(alias: str, error: DatabaseError) -> str:
    reason = first_line(error)
    if getattr(error.__cause__, "sqlstate", None) in (_LOCKED, _CANCELED):
        return (
            f"{reason}: a statement waited {LOCK_TIMEOUT} for a lock or ran {STATEMENT_TIMEOUT} "
            f"on {alias!r}. Nothing was changed; run it again when the database is less busy."
        )
    return f'{reason}. Check DATABASES["{alias}"]: verify_rls connects as the migrating role.'


@cache
def read_sql(name: str) -> str:
    """Return the text of ``sql/<name>.sql`` beside this module."""
    return resources.files(__package__).joinpath("sql", f"{name}.sql").read_text("utf-8")
