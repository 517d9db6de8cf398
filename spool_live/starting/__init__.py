"""The work of ``manage.py live_init``: find out what a project lacks, and write it.

``project`` finds the project's files, ``guesses`` turns models into collections, ``parts`` and
``environment`` return what is missing and the text that would add it, ``writing`` appends that. No
existing line is changed, and no secret goes into a Python file.
"""

from __future__ import annotations

from spool_live.starting.additions import Addition
from spool_live.starting.parts import missing_parts
from spool_live.starting.project import Project
from spool_live.starting.writing import CannotWriteError, write_all

__all__ = ["Addition", "CannotWriteError", "Project", "missing_parts", "write_all"]
