"""The file ``.env``: what is written to it, that the settings read it, and that git ignores it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from urllib.parse import unquote, urlsplit

from spool_live.exceptions import SpoolLiveError
from spool_live.starting.additions import Addition
from spool_live.starting.project import Project

DATABASE = (
    "SUPABASE_DB_HOST",
    "SUPABASE_DB_PORT",
    "SUPABASE_DB_NAME",
    "SUPABASE_DB_USER",
    "SUPABASE_DB_PASSWORD",
)
_OF_LOCAL = {
    "SUPABASE_URL": "url",
    "SUPABASE_PUBLISHABLE_KEY": "publishable_key",
    "SUPABASE_SECRET_KEY": "secret_key",
    "SUPABASE_JWT_SECRET": "jwt_secret",
}
OF_KEY = ("SPOOL_SITE_ID", "SPOOL_API_KEY")
"""What a subscriber reads of a site and its key."""
_IGNORING = {".env", "/.env", ".env*", "*.env", ".env.*"}
_READS = re.compile(r"dotenv|read_env|decouple|\benvirons\b")
"""Names from the common packages that read ``.env``, as settings use them."""
SECRETS = 0o600
"""Mode of a new file with secrets: only its owner may read it."""


class UnsafeFileError(SpoolLiveError):
    """A secret must not go into this file; the message says why. Nothing was written."""


def missing(
    project: Project, names: Sequence[str], supabase: Mapping[str, str]
) -> Iterator[Addition]:
    """Yield what the environment lacks of ``names``, with the values of ``supabase`` if known."""
    known = _names(project.env_file)
    lacking = [name for name in names if name not in os.environ and name not in known]
    if not lacking:
        return
    values = local_values(supabase)
    text = "".join(f"{name}={values.get(name, '')}\n" for name in lacking)
    why = f"The environment lacks {', '.join(lacking)}."
    if supabase:
        why += f" The values are those of the local Supabase at {supabase.get('url', '')}."
    if tracked_by_git(project.env_file):
        why += " git tracks .env, so no secret is written to it: git rm --cached .env"
        yield Addition("environment", why, text, None)
        return
    if seen_by_git(project.env_file):
        ignore = project.folder / ".gitignore"
        yield Addition("git", "git does not ignore .env, which holds secrets.", ".env\n", ignore)
    yield Addition("environment", why, text, project.env_file)


def reader(project: Project, names: Sequence[str]) -> Iterator[Addition]:
    """Yield what lets the settings read ``.env``, if nothing does and one of ``names`` is not
    set."""
    settings = project.settings_file
    if settings is None or all(name in os.environ for name in names) or not find_spec("dotenv"):
        return
    if _READS.search(settings.read_text("utf-8")):
        return
    above = len(Path(project.name_of(settings)).parts) - 1
    yield Addition(
        "env file",
        "The settings do not read .env.",
        "from pathlib import Path\n\nfrom dotenv import load_dotenv\n\n"
        "# For development. Variables that are set already take precedence over .env.\n"
        f'load_dotenv(Path(__file__).resolve().parents[{above}] / ".env")\n',
        settings,
    )


def names_a_supabase(project: Project) -> bool:
    """Return whether the environment or ``.env`` has an address or a key of a Supabase project."""
    known = {*os.environ, *_names(project.env_file)}
    return any(name in known for name in _OF_LOCAL)


def of_key(site_id: object, key: str) -> dict[str, str]:
    """Return the variables of ``OF_KEY``. One of them is a secret."""
    return dict(zip(OF_KEY, (str(site_id), key), strict=True))


def append(path: Path, values: Mapping[str, str]) -> None:
    """Append ``values``, which may be secrets, to the file of variables at ``path``.

    Raises ``UnsafeFileError`` where ``refuse_unsafe`` does.
    """
    refuse_unsafe(path, list(values))
    text = path.read_text("utf-8") if path.exists() else ""
    if not path.exists():
        path.touch(mode=SECRETS)
    start = "" if not text or text.endswith("\n") else "\n"
    with path.open("a", encoding="utf-8") as file:
        file.write(start + "".join(f"{name}={value}\n" for name, value in values.items()))


def refuse_unsafe(path: Path, names: Sequence[str]) -> None:
    """Raise ``UnsafeFileError`` if git would take ``path``, or if the file has one of ``names``.

    The latter because no existing line is changed.
    """
    taken = sorted(_names(path).intersection(names))
    if taken:
        raise UnsafeFileError(
            f"{path} has {', '.join(taken)} already: remove it, or name another file."
        )
    if tracked_by_git(path) or seen_by_git(path):
        raise UnsafeFileError(f"git would take the secrets in {path}: add it to .gitignore first.")
    if not path.parent.is_dir():
        raise UnsafeFileError(f"There is no folder {path.parent}.")


def seen_by_git(path: Path) -> bool:
    """Return whether git would take the file at ``path``: it is in a work tree and not ignored."""
    code = _git(path, "check-ignore", "--quiet", "--no-index")
    if code in (0, 1):
        return code == 1
    ignore = path.absolute().parent / ".gitignore"  # git is not installed, or gives no answer
    lines = ignore.read_text("utf-8").splitlines() if ignore.exists() else []
    return (path.absolute().parent / ".git").exists() and not _IGNORING.intersection(lines)


def tracked_by_git(path: Path) -> bool:
    """Return whether git tracks the file at ``path``: then ignoring it does not help."""
    return path.exists() and _git(path, "ls-files", "--error-unmatch") == 0


def local_values(supabase: Mapping[str, str]) -> dict[str, str]:
    """Return values of variables by name, from what ``local_supabase --ready-file`` wrote."""
    values = {name: supabase.get(key, "") for name, key in _OF_LOCAL.items()}
    parts = urlsplit(supabase.get("database_url", ""))
    database = (
        parts.hostname or "",
        str(parts.port or ""),
        parts.path.lstrip("/"),
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )
    return {**values, **dict(zip(DATABASE, database, strict=True))}


def _names(path: Path) -> set[str]:
    text = path.read_text("utf-8") if path.exists() else ""
    return {line.partition("=")[0].removeprefix("export ").strip() for line in text.splitlines()}


def _git(path: Path, *command: str) -> int | None:
    """Return the exit status of a git command on ``path``; ``None`` where git is not installed."""
    git = which("git")
    if git is None or not path.absolute().parent.is_dir():
        return None
    done = subprocess.run(  # noqa: S603 - git, with constants and a path
        [git, *command, "--", path.name],
        cwd=path.absolute().parent,
        capture_output=True,
        timeout=30,
        check=False,
    )
    return done.returncode
