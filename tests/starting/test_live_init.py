"""``live_init`` on a project of ``startproject``: shown, written, and never over a line."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.commands.conftest import Run, run

__all__ = ["run"]
ROOT = Path(__file__).parent.parent.parent
MODELS = """
from django.db import models

class Section(models.Model):
    site = models.ForeignKey("spool_live.Site", on_delete=models.CASCADE)
    name = models.CharField(max_length=50)

class Article(models.Model):
    section = models.ForeignKey(Section, on_delete=models.CASCADE)
    title = models.CharField(max_length=50)
    slug = models.SlugField()
    status = models.CharField(max_length=9, choices=[("draft", "Draft"), ("published", "Out")])
    expires_at = models.DateTimeField(null=True)

class Reader(models.Model):
    name = models.CharField(max_length=50)
"""
LIVE = '''"""Which changes front ends receive, and with what. A guess: check each line."""

from django.db.models import Q

from spool_live import LiveCollection, register

from .models import Article, Section


@register(Section)
class SectionCollection(LiveCollection):
    metadata_fields = ("name",)


@register(Article)
class ArticleCollection(LiveCollection):
    site_field = "section.site"
    slug_field = "slug"
    published_when = Q(status="published")
    published_until = "expires_at"
    metadata_fields = ("title",)
'''
SECRETS = {
    "url": "http://127.0.0.1:54321",
    "publishable_key": "sb_publishable_x",
    "secret_key": "sb_secret_hunter2",
    "jwt_secret": "hunter2-hunter2-hunter2-hunter2-hunter2",
    "database_url": "postgresql://postgres:hunter2@127.0.0.1:54322/postgres",
}


class Folder:
    """A project of ``startproject``, with an app whose models belong to sites."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = path / "cms" / "settings.py"

    def make(self, models: str = MODELS, apps: Sequence[str] = ("spool_live", "blog")) -> None:
        """Makes it, with these models, and these apps listed."""
        self._run(["-m", "django", "startproject", "cms", "."], 0)
        self._run(["-m", "django", "startapp", "blog"], 0)
        (self.path / "blog" / "models.py").write_text(models)
        with self.settings.open("a") as file:
            file.write(f"INSTALLED_APPS += {list(apps)}\n")

    def files(self) -> dict[str, str]:
        """All texts of the project."""
        every = (p for p in self.path.rglob("*") if p.is_file() and p.suffix != ".pyc")
        paths = [p for p in every if ".git" not in p.parts]
        return {str(p.relative_to(self.path)): p.read_text() for p in paths}

    def init(self, *arguments: str, code: int = 0) -> str:
        """Runs ``live_init``, and returns what it prints."""
        return self._run(["manage.py", "live_init", *arguments], code)

    def module(self, *arguments: str, code: int) -> str:
        """Runs ``python -m spool_live``, and returns what it prints."""
        return self._run(["-m", "spool_live", *arguments], code)

    def variables(self) -> dict[str, str]:
        """What ``.env`` says."""
        lines = (self.path / ".env").read_text("utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines if line)

    def manage(self, *arguments: str, env: Mapping[str, str]) -> str:
        """Runs a command in this environment, and returns what it prints."""
        return self._run(["manage.py", *arguments], 0, env)

    def _run(self, words: Sequence[str], code: int, given: Mapping[str, str] | None = None) -> str:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("SUPABASE", "DJANGO"))}
        done = subprocess.run(
            [sys.executable, *words],
            cwd=self.path,
            env={**env, "PYTHONPATH": str(ROOT), **(given or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done.stdout + (done.stderr if code else "")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A project that nothing was written into."""
    folder = Folder(tmp_path_factory.mktemp("pristine"))
    folder.make()
    return folder


@pytest.fixture
def project(pristine: Folder, tmp_path: Path) -> Folder:
    """A copy of it, to write into."""
    shutil.copytree(pristine.path, tmp_path, dirs_exist_ok=True)
    return Folder(tmp_path)


def test_what_is_missing_is_shown_and_nothing_written(pristine: Folder, tmp_path: Path) -> None:
    secrets = tmp_path / "supabase.json"
    secrets.write_text(json.dumps(SECRETS))
    before = pristine.files()
    output = pristine.init("--supabase", str(secrets), "--format", "json", code=1)
    assert pristine.files() == before
    document = json.loads(output)
    assert [(row["part"], row["file"]) for row in document["missing"]] == [
        ("apps", "cms/settings.py"),
        ("env file", "cms/settings.py"),
        ("database", "cms/settings.py"),
        ("settings", "cms/settings.py"),
        ("urls", "cms/urls.py"),
        ("collections", "blog/live.py"),
        ("environment", ".env"),
    ]
    by_part = {row["part"]: row["text"] for row in document["missing"]}
    assert by_part["collections"] == LIVE
    assert "SUPABASE_SECRET_KEY=[secret]" in by_part["environment"]
    assert "hunter2" not in output


def test_written_project_starts_and_no_line_was_changed(project: Folder, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".env").write_text("SUPABASE_URL=https://abcdefgh.supabase.co\nOTHER=1")
    secrets = tmp_path / "supabase.json"
    secrets.write_text(json.dumps(SECRETS))
    before = project.files()
    output = project.init("--write", "--supabase", str(secrets))
    after = project.files()
    assert "hunter2" not in output
    assert "live_start" in output
    for name, text in before.items():
        assert after[name].startswith(text), name
    assert set(after) - set(before) == {"blog/live.py", ".gitignore"}
    assert (after["blog/live.py"], after[".gitignore"]) == (LIVE, ".env\n")
    env = after[".env"].splitlines()
    assert env[:2] == ["SUPABASE_URL=https://abcdefgh.supabase.co", "OTHER=1"]
    assert "SUPABASE_SECRET_KEY=sb_secret_hunter2" in env
    assert "SUPABASE_DB_PASSWORD=hunter2" in env
    python = "".join(text for name, text in after.items() if name.endswith(".py"))
    assert "hunter2" not in python
    assert after["cms/settings.py"].count("\nimport os\n") == 1
    assert project.init().startswith("Nothing is missing.\n")  # the settings read .env
    assert project.files() == after


def test_project_that_lists_nothing_of_ours(tmp_path: Path) -> None:
    project = Folder(tmp_path)
    project.make(apps=["blog"])  # its models name a model of an app that is not there yet
    before = project.files()
    project.module("live_init", "--write", "--example", code=0)
    after = project.files()
    assert all(after[name].startswith(text) for name, text in before.items())
    assert (
        'INSTALLED_APPS = [*INSTALLED_APPS, "rest_framework", "spool_live"]'
        in (after["cms/settings.py"])
    )
    assert after["blog/live.py"] == LIVE  # there was a blog: no example of that name
    env = project.variables()
    kept = json.loads((tmp_path / ".local-supabase" / "secrets.json").read_text())
    assert env["SUPABASE_SECRET_KEY"] == kept["secret_key"]
    assert env["SUPABASE_DB_PASSWORD"] == kept["database_password"]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", env["SUPABASE_URL"])
    python = "".join(text for name, text in after.items() if name.endswith(".py"))
    assert not [secret for secret in kept.values() if secret in python]
    assert project.init().startswith("Nothing is missing.\n")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(["live_init"], "There is no manage.py here"), (["migrate"], "usage:"), ([], "usage:")],
)
def test_module_where_there_is_no_project(
    tmp_path: Path, arguments: list[str], reason: str
) -> None:
    output = Folder(tmp_path).module(*arguments, code=2)
    assert reason in output
    assert "Traceback" not in output


def test_secrets_go_nowhere_where_git_would_take_them(project: Folder, tmp_path: Path) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / ".env").write_text("OTHER=1\n")
    subprocess.run([*git, "add", "--force", ".env"], cwd=tmp_path, check=True)
    output = project.init("--write", code=1)
    assert "missing: environment (by hand)" in output
    assert "git tracks .env" in " ".join(output.split())
    assert (tmp_path / ".env").read_text() == "OTHER=1\n"
    subprocess.run([*git, "rm", "-q", "--cached", ".env"], cwd=tmp_path, check=True)
    assert "written: git (.gitignore)" in project.init("--write")
    subprocess.run([*git, "check-ignore", "-q", ".env"], cwd=tmp_path, check=True)
    assert "SUPABASE_SECRET_KEY=sb_secret_" in (tmp_path / ".env").read_text()


def test_env_file_that_nothing_reads_is_reported(project: Folder, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SUPABASE_URL=https://abcdefgh.supabase.co\n")
    rows = json.loads(project.init("--format", "json", code=1))["missing"]
    by_part = {row["part"]: row for row in rows}
    assert 'parents[1] / ".env"' in by_part["env file"]["text"]
    # A project that is named is not mixed with the local one.
    assert "SUPABASE_SECRET_KEY=\n" in by_part["environment"]["text"]
    with project.settings.open("a") as file:
        file.write("# environ.Env.read_env() is in the settings of this machine\n")
    rows = json.loads(project.init("--format", "json", code=1))["missing"]
    assert "env file" not in {row["part"] for row in rows}


@pytest.mark.slow
def test_existing_lines_stay_and_missing_ones_are_reported(project: Folder, tmp_path: Path) -> None:
    (tmp_path / "blog" / "live.py").write_text("# nothing here on purpose\n")
    with project.settings.open("a") as file:
        file.write('SPOOL_LIVE = {"SUPABASE_URL": "https://abcdefgh.supabase.co"}\n')
    output = project.init("--write", code=1)
    assert "missing: settings (by hand). SPOOL_LIVE lacks keys." in output
    assert '"JWT_SIGNING_KEY": os.environ.get("SUPABASE_JWT_SECRET", ""),' in output
    assert "missing: collections (by hand)" in output
    assert (tmp_path / "blog" / "live.py").read_text() == "# nothing here on purpose\n"
    assert "written: urls (cms/urls.py)" in output
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


@pytest.mark.slow
def test_project_that_would_not_start_is_left_as_it_was(project: Folder, tmp_path: Path) -> None:
    with (tmp_path / "blog" / "models.py").open("a") as file:
        file.write("from django.conf import settings\nassert len(settings.DATABASES) == 1\n")
    before = project.files()
    output = project.init("--write", code=1)
    assert "The project would not start any more (AssertionError" in output
    assert "Nothing was changed" in output
    assert project.files() == before


@pytest.mark.parametrize("text", ["[]", "{", None])
def test_file_of_secrets_that_is_none(run: Run, tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "supabase.json"
    if text is not None:
        path.write_text(text)
    outcome = run("live_init", "--supabase", path)
    assert (outcome.code, "supabase.json" in outcome.err) == (1, True)
