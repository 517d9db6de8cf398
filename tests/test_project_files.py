"""What the files around the code say of it, and of each other, is so."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from email.message import Message
from importlib.metadata import metadata, requires
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from packaging.requirements import Requirement

import spool_live

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
JS = ROOT / "packages" / "js"
NPM: dict[str, Any] = json.loads((JS / "package.json").read_text("utf-8"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
REPOSITORY: str = PROJECT["project"]["urls"]["Repository"]


def test_version_is_the_same_everywhere() -> None:
    lock = json.loads((JS / "package-lock.json").read_text("utf-8"))
    assert spool_live.__version__ == metadata("spool-live")["Version"]
    assert spool_live.__version__ == NPM["version"]
    assert spool_live.__version__ == lock["version"] == lock["packages"][""]["version"]


def test_changelog_has_the_version_and_nothing_older_above_it() -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    released = [heading for heading in headings if heading != "Unreleased"]
    assert re.fullmatch(rf"{re.escape(spool_live.__version__)} - \d{{4}}-\d\d-\d\d", released[0])
    assert headings.index(released[0]) <= 1


def test_addresses_agree() -> None:
    urls = PROJECT["project"]["urls"]
    assert NPM["repository"]["url"] == f"git+{REPOSITORY}.git"
    assert (ROOT / NPM["repository"]["directory"] / "package.json").exists()
    assert NPM["homepage"] == urls["Documentation"]
    assert NPM["bugs"] == urls["Issues"]
    assert urls["Issues"] == f"{REPOSITORY}/issues"
    substitutions = PROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"][
        "substitutions"
    ]
    for substitution in substitutions:
        assert f"{REPOSITORY}/" in substitution["replacement"]


def test_page_on_pypi_has_absolute_links_to_files_of_this_version() -> None:
    page = str(cast("Message", metadata("spool-live")).get_payload())
    targets = re.findall(r'(?:\]\(|\b(?:src|srcset|href)=")([^)"\s]+)', page)
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    tag = f"v{spool_live.__version__}"
    ours = [
        match[2]
        for target in targets
        if (match := re.fullmatch(rf"{REPOSITORY}/(blob|raw)/{tag}/([^#]+)(#.*)?", target))
    ]
    assert ours
    assert [path for path in ours if not (ROOT / path).exists()] == []
    pictures = [target for target in targets if target.endswith((".png", ".svg"))]
    assert pictures
    assert all("/raw/" in target for target in pictures)


def test_upper_bounds_have_a_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    bounded = [line for line in text.splitlines() if re.search(r'"[\w.\[\]-]+>=[^"]*<', line)]
    assert bounded
    assert [line for line in bounded if not re.search(r"  # \w+ \w+", line)] == []


def test_package_has_one_range_in_all_extras() -> None:
    ranges: dict[str, set[str]] = {}
    for line in requires("spool-live") or ():
        requirement = Requirement(line)
        ranges.setdefault(requirement.name, set()).add(str(requirement.specifier))
    assert {"supabase", "psycopg"} <= ranges.keys()
    assert {name: found for name, found in ranges.items() if len(found) > 1} == {}


def hooks() -> dict[str, list[str]]:
    """The pre-commit hooks, each with the packages that it installs."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    found = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert {hook["language"] for hook in found} == {"python"}
    return {hook["id"]: hook["additional_dependencies"] for hook in found}


def test_hooks_run_the_linters_of_the_lint_group() -> None:
    group = set(PROJECT["dependency-groups"]["lint"])
    installed = hooks()
    tox = re.findall(
        r"^    (tox(?:-uv)?>=.*)$", (ROOT / "tox.ini").read_text("utf-8"), re.MULTILINE
    )
    assert installed.pop("types") == tox
    wanted = {name for packages in installed.values() for name in packages}
    assert {line for line in group if not line.startswith("interrogate")} == wanted


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_fits_the_schema(path: Path) -> None:
    check = ["-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run(
        [sys.executable, *check, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_may_write_nothing_that_its_jobs_do_not_ask_for(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text("utf-8"))
    assert workflow["permissions"] in ({}, {"contents": "read"})
    for name, job in workflow["jobs"].items():
        asked = {key for key, value in job.get("permissions", {}).items() if value == "write"}
        assert asked <= {"id-token", "attestations"}, name


def test_workflow_runs_every_python_that_is_promised() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text("utf-8"))
    classified = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["project"]["classifiers"]))
    assert workflow["jobs"]["every-change"]["strategy"]["matrix"]["python"] == classified
