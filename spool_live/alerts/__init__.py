"""Alerts: operators are notified before users notice a problem.

``rules`` determines what is worth a notice (pure, from the status), ``episodes`` keeps one open
episode for each rule and subject, ``notices`` sends each of its two notices once on each channel,
``channels`` are signal, e-mail and webhook, ``evaluation`` does all of it in turn. The rules are
evaluated by celery beat, by ``manage.py live_alerts``, and now and then by a process that records
an edit (``recording``), so that alerts go out even when the other two have stopped.
"""

from __future__ import annotations

from spool_live.alerts.channels import configured, send_test
from spool_live.alerts.evaluation import Evaluation, evaluate

__all__ = ["Evaluation", "configured", "evaluate", "send_test"]
