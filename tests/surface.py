"""The public surface as lines of text: what users and their code may rely on.

``python -m tests.surface`` prints it; ``surface.txt`` holds what has been promised so far.
"""

from __future__ import annotations

import argparse
import inspect
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from django.core.management import BaseCommand

PROMISED = Path(__file__).with_name("surface.txt")


def promised() -> set[str]:
    """The lines that were written down."""
    return set(PROMISED.read_text("utf-8").splitlines())


def present() -> set[str]:
    """The lines that the code answers for now. Django must be set up."""
    found = {*_names(), *_settings(), *_commands(), *_endpoints(), *_checks(), *_celery(), *_sql()}
    return {*found, *_models(), *_signals()}


def _names() -> Iterator[str]:
    import spool_live
    import spool_live.client
    import spool_live.exceptions

    for module in (spool_live, spool_live.client):
        for name in module.__all__:
            yield f"name {module.__name__}.{name}"
            if inspect.isclass(value := getattr(module, name)):
                yield from _members(f"{module.__name__}.{name}", value)
    for name, value in vars(spool_live.exceptions).items():
        if inspect.isclass(value) and value.__module__ == "spool_live.exceptions":
            yield f"name spool_live.exceptions.{name}"


def _members(where: str, kind: type) -> Iterator[str]:
    for name in dir(kind):
        if name.startswith("_") or hasattr(BaseException, name):
            continue
        member = inspect.getattr_static(kind, name)
        if inspect.isroutine(member) or isinstance(member, property | classmethod | staticmethod):
            yield f"member {where}.{name}"
    for name in getattr(kind, "__dataclass_fields__", {}):
        yield f"member {where}.{name}"


def _settings() -> Iterator[str]:
    from spool_live.conf import LiveSettings

    for field in fields(LiveSettings):
        yield f"setting {field.name.upper()}"


def _commands() -> Iterator[str]:
    from django.core.management import get_commands, load_command_class

    for name, app in get_commands().items():
        if app == "spool_live":
            parser = load_command_class(app, name).create_parser("manage.py", name)
            yield f"command {name}"
            yield from (f"command {name} {line}" for line in _arguments(parser))


def _arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    plain = BaseCommand().create_parser("manage.py", "any")
    of_django = {option for action in plain._actions for option in action.option_strings}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield name
                yield from (f"{name} {line}" for line in _arguments(below))
        else:
            yield from set(action.option_strings or [action.dest]) - of_django


def _endpoints() -> Iterator[str]:
    from spool_live.api.urls import urlpatterns

    for route in urlpatterns:
        yield f"endpoint {route.pattern} ({route.name})"


def _checks() -> Iterator[str]:
    from spool_live import checks

    for path in Path(checks.__file__).parent.glob("*.py"):
        for number in re.findall(r"\b[EW]0\d\d\b", path.read_text("utf-8")):
            yield f"check spool_live.{number}"


def _celery() -> Iterator[str]:
    from celery import shared_task

    from spool_live import tasks

    for value in vars(tasks).values():
        if isinstance(value, type(shared_task(_celery))) and value.name.startswith("spool_live."):
            yield f"task {value.name}"
    for name, entry in tasks.BEAT_SCHEDULE.items():
        yield f"beat {name} -> {entry['task']}"


def _models() -> Iterator[str]:
    from django.apps import apps

    for model in apps.get_app_config("spool_live").get_models():
        columns = " ".join(sorted(field.column or "" for field in model._meta.concrete_fields))
        yield f"table {model._meta.db_table}"
        yield from (f"column {model._meta.db_table}.{column}" for column in columns.split())


def _signals() -> Iterator[str]:
    from django.dispatch import Signal

    from spool_live import signals

    for name, value in vars(signals).items():
        if isinstance(value, Signal):
            yield f"signal spool_live.signals.{name}"


def _sql() -> Iterator[str]:
    from spool_live import sql

    made = re.compile(r"create (?:or replace )?function\s+(public\.\w+\([^)]*\))", re.IGNORECASE)
    for path in sorted(Path(sql.__file__).parent.glob("0*.sql")):
        for function in made.findall(path.read_text("utf-8")):
            yield f"function {' '.join(function.split())}"


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    sys.stdout.writelines(f"{line}\n" for line in sorted(present()))
