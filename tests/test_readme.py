"""The README's commands exist, and its code runs in a project."""

from __future__ import annotations

import configparser
import re
import tomllib
from pathlib import Path

from django.core.management import get_commands

from tests.blocks import ROOT, blocks_of
from tests.starting.test_live_init import Folder

BLOCKS = blocks_of("README.md")
TEXT = (ROOT / "README.md").read_text("utf-8")
ENVIRONMENT = {
    "SUPABASE_URL": "https://abcdefgh.supabase.co",
    "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_x",
    "SUPABASE_SECRET_KEY": "sb_secret_x",
    "SUPABASE_JWT_SECRET": "0123456789abcdef0123456789abcdef",
}
MODELS = """
from django.db import models

class Article(models.Model):
    site = models.ForeignKey("spool_live.Site", on_delete=models.CASCADE)
    slug = models.SlugField()
    status = models.CharField(max_length=20)
"""
REGISTERED = (
    "from spool_live.collections import registry; from django.urls import reverse; "
    "print(*(c.model.__name__ for c in registry), reverse('spool_live:token'))"
)


def test_environments_of_tox_that_it_names_are_there() -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    named = re.findall(r"tox run -e ([\w-]+)", TEXT)
    assert {"demo", "test"} <= set(named)
    # "test" is the base: any name without a section of its own is that one
    assert [name for name in named if f"testenv:{name}" not in tox] == ["test"]
    assert "test" in re.split(r"[,\s]+", tox["tox"]["env_list"])


def test_extras_that_it_names_are_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    groups = re.findall(r"spool-live\[([\w,]+)\]", TEXT)
    named = {extra for group in groups for extra in group.split(",")}
    assert "django" in named
    assert named <= set(project["optional-dependencies"])


def test_commands_that_it_names_are_there() -> None:
    named = set(re.findall(r"manage\.py (\w+)|`(live_\w+)(?: \w+)?`|-m spool_live (\w+)", TEXT))
    names = {name for groups in named for name in groups if name} - {"live_updates"}
    assert {"migrate", "live_setup", "live_site", "live_init", "live_status"} <= names
    assert names <= set(get_commands())


def test_code_makes_a_project_that_reports(tmp_path: Path) -> None:
    project = Folder(tmp_path)
    project.make(MODELS, apps=["blog"])
    for block in BLOCKS:
        if block.language == "python":
            place = {"settings.py": "cms/settings.py", "urls.py": "cms/urls.py"}
            path = tmp_path / place.get(block.title, block.title)
            is_there = path.exists() and path.name != "live.py"
            path.write_text((path.read_text() if is_there else "") + f"\n{block.text}")
    assert {"settings.py", "urls.py", "blog/live.py", "follow.py"} == {
        block.title for block in BLOCKS if block.language == "python"
    }
    said = project.manage("shell", "-v", "0", "-c", REGISTERED, env=ENVIRONMENT)
    assert said.split() == ["Article", "/spool-live/token/"]
    project.manage("check", env=ENVIRONMENT)
    compile((tmp_path / "follow.py").read_text(), "follow.py", "exec")
