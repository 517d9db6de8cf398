"""The dashboard and the alert rules ask for metrics that exist; promtool reads the rules."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from spool_live import metrics

FOLDER = Path(__file__).parent.parent / "docs" / "monitoring"
RULES, DASHBOARD = FOLDER / "alert-rules.yml", FOLDER / "grafana-dashboard.json"


@pytest.mark.django_db(databases="__all__")
@pytest.mark.parametrize("path", [RULES, DASHBOARD], ids=lambda path: path.name)
def test_every_metric_exists(path: Path) -> None:
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    known = {
        metric.name + ending
        for metric in metrics.LiveCollector().collect()
        for ending in endings.get(metric.type, ("",))
    }
    text = path.read_text("utf-8")
    used = set(re.findall(r"\bspool_live_\w+", text))
    assert used
    assert used <= known


def test_dashboard_is_json_with_an_expression_in_each_panel() -> None:
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    assert all(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])


@pytest.mark.slow
def test_promtool_reads_the_rules() -> None:
    promtool = shutil.which("promtool")
    assert promtool, "install Debian's package prometheus"
    subprocess.run((promtool, "check", "rules", str(RULES)), check=True, timeout=60)
