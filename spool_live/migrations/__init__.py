"""``0001_tables`` has replaced ``0001_initial``, which depends on the user model. Django hands on
to a migration what those that it replaces depend on: so this one must not depend on it any more."""

from importlib import import_module

import_module(f"{__name__}.0001_initial").Migration.dependencies = []
