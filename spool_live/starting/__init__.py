"""What ``manage.py live_init`` does: it finds out what a project lacks, and writes it.

``project`` knows the project's files, ``guesses`` turns models into collections, ``parts`` and
``environment`` say what is missing and what would add it, ``writing`` appends that. Nothing that is
there is changed, and no secret goes into a Python file.
"""

from __future__ import annotations

from spool_live.starting.additions import Addition
from spool_live.starting.parts import missing_parts
from spool_live.starting.project import Project
from spool_live.starting.writing import CannotWriteError, write_all

__all__ = ["Addition", "CannotWriteError", "Project", "missing_parts", "write_all"]
