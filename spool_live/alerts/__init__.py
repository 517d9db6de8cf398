"""Alerts: people are notified before users notice.

``rules`` says what is worth a notice (pure, from the status), ``episodes`` keeps one open episode
for each rule and subject, ``notices`` sends each of its two notices once on each channel,
``channels`` are signal, e-mail and webhook, ``evaluation`` does it all in turn. It is evaluated by
celery beat, by ``manage.py live_alerts``, and now and then by a process that records an edit
(``recording``), so that it is noticed when the other two have stopped.
"""

from __future__ import annotations

from spool_live.alerts.channels import configured, send_test
from spool_live.alerts.evaluation import Evaluation, evaluate

__all__ = ["Evaluation", "configured", "evaluate", "send_test"]
