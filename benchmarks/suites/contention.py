"""Commits per second at 32 clients, with and without the statements of capture (G9)."""

from __future__ import annotations

import os
import random
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from benchmarks.figures import Figure, over_rounds, ratio_over_rounds
from benchmarks.newsroom.models import LiveStory, PlainStory
from benchmarks.rig import Rig
from spool_live.models import Site

CLIENTS = 32
ROWS = 1000


def run(rig: Rig) -> list[Figure]:
    """Run pgbench with the exact statements of a captured save."""
    first, insert = _statements()
    update = f"UPDATE {PlainStory._meta.db_table} SET body = repeat('c', 1000) WHERE id = :id;"
    scripts = {
        "without": f"{update}\n",
        "capture": f"{update}\n{insert};\n",
        "notify": f"{update}\n{insert};\nSELECT pg_notify('outbox', '');\n",
    }
    rates: dict[str, list[float]] = {name: [] for name in scripts}
    for _ in range(rig.times(7)):
        for name in random.sample(list(scripts), len(scripts)):
            rates[name].append(_pgbench(rig, first, scripts[name]))
    base = rates["without"]
    shares = {
        name: ratio_over_rounds([100 * rate for rate in rates[name]], base)
        for name in ("capture", "notify")
    }
    return [
        Figure(
            "G9 commits/s at 32 clients with capture",
            shares["capture"],
            "% of without",
            65,
            "pg_notify per commit",
            shares["notify"],
            True,
        ),
        Figure("commits/s at 32 clients, plain", over_rounds(base), "/s"),
    ]


def _statements() -> tuple[int, str]:
    """Return the lowest key of a thousand rows, and the INSERT of a captured save as it is sent."""
    site, _ = Site.objects.get_or_create(name="Bench")
    values = {"site": site, "title": "x", "slug": "x", "summary": "s" * 200, "body": "b" * 1000}
    made = PlainStory.objects.bulk_create(PlainStory(**values) for _ in range(ROWS))
    story = LiveStory.objects.create(**values)
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        story.save()
    insert = next(q["sql"] for q in queries if "live_updates_outbox" in q["sql"])
    fresh_id = re.sub(r"VALUES \('[0-9a-f-]{36}'::uuid", "VALUES (gen_random_uuid()", insert)
    return made[0].pk, fresh_id


def _pgbench(rig: Rig, first: int, body: str) -> float:
    with TemporaryDirectory() as folder:
        script = Path(folder) / "save.sql"
        script.write_text(f"\\set id random({first}, {first + ROWS - 1})\nBEGIN;\n{body}COMMIT;\n")
        answer = subprocess.run(
            [
                rig.pgbench(),
                "-n",
                "-f",
                str(script),
                "-c",
                str(CLIENTS),
                "-j",
                "2",
                "-T",
                str(rig.times(3, 2)),
                "-h",
                "127.0.0.1",
                "-p",
                str(rig.config.database_port),
                "-U",
                "postgres",
                rig.config.database_name,
            ],
            env={**os.environ, "PGPASSWORD": rig.config.database_password},
            capture_output=True,
            text=True,
            check=True,
        )
    found = re.search(r"tps = ([\d.]+)", answer.stdout)
    assert found, answer.stdout
    return float(found[1])
