"""From an empty folder to the first update, with what ``live_init`` wrote."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.starting.test_live_init import ROOT, Folder

MODELS = """
from django.db import models

class Article(models.Model):
    title = models.CharField(max_length=50)
    slug = models.SlugField()
    is_published = models.BooleanField(default=True)
"""
SAVE = "from blog.models import Article; Article.objects.create(title='Ferry', slug='ferry')"
READ = (
    "from spool_live.models import LiveUpdate; "
    "print(*LiveUpdate.objects.using('supabase').values_list('event_type', 'slug'))"
)


@pytest.fixture
def supabase(tmp_path: Path) -> Iterator[Path]:
    """A local Supabase, and the file that it wrote when it was ready."""
    ready = tmp_path / "ready.json"
    code = "import sys; from spool_live.local.command import main; sys.exit(main())"
    options = ["--port", "0", "--database-port", "0", "--state-dir", str(tmp_path / "supabase")]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *options, "--ready-file", str(ready), "--quiet"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        deadline = time.monotonic() + 120
        while not ready.exists() and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.2)
        yield ready
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_written_project_delivers(supabase: Path, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    project = Folder(folder)
    project.make(MODELS)
    project.init("--write", "--supabase", str(supabase))
    env = project.variables()
    for words in (
        ["makemigrations", "blog"],
        ["migrate"],
        ["migrate", "--database", "supabase"],
        ["live_setup"],
        ["live_site", "create", "My site"],
        ["shell", "-c", SAVE],
        ["live_deliver"],
    ):
        project.manage(*words, env=env)
    assert "('content.published', 'ferry')" in project.manage("shell", "-c", READ, env=env)
    options = ["--fail-on", "never", "--format", "json"]
    for phase in ("backend", "clients"):
        found = json.loads(project.manage("live_doctor", "--phase", phase, *options, env=env))
        wrong = {
            one["check"] for one in found["checks"] if one["state"] not in {"ok", "not needed"}
        }
        assert wrong <= {"deliverer"}, found  # it ran only once
