"""The state of spool_live for ``django-health-check`` 4 (``pip install
'spool-live[health-check]'``).

>>> path("ht/", HealthCheckView.as_view(checks=["spool_live.contrib.health_check.LiveUpdates"]))

The page may be public, so the check gives only the state and its age, as ``health/status/`` does.
"""

from __future__ import annotations

import dataclasses

from django.db import connections
from health_check.base import HealthCheck  # type: ignore[import-untyped]
from health_check.exceptions import (  # type: ignore[import-untyped]
    ServiceUnavailable,
    ServiceWarning,
)

from spool_live import status
from spool_live.status import State
from spool_live.status.states import age


@dataclasses.dataclass
class LiveUpdates(HealthCheck):  # type: ignore[misc]  # that library has no types
    """Whether an edit made now would arrive: ``delayed`` is a warning, anything worse an error."""

    def run(self) -> None:
        """Raise ``ServiceWarning`` or ``ServiceUnavailable`` unless the state is ``ok``."""
        try:
            found = status.current()
        finally:
            connections.close_all()  # this runs on a thread of the check's own
        if found.since is None:
            return
        message = f"live updates: {found.state} for {age(found.at - found.since)}"
        raise (ServiceWarning if found.state is State.DELAYED else ServiceUnavailable)(message)
