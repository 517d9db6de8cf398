"""The files of a demo in its state folder, through which commands of the checkout find it."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

Content = Literal["postgres", "sqlite"]
Mode = Literal["broadcast", "postgres_changes"]

STATE_DIR_VARIABLE = "SPOOL_LIVE_DEMO_STATE_DIR"
_REPOSITORY = Path(__file__).resolve().parent.parent
_RUN_FILE = "run.json"
_CREDENTIALS_FILE = "credentials.json"


def state_dir() -> Path:
    """Return the demo's folder: ``SPOOL_LIVE_DEMO_STATE_DIR``, or ``.demo`` in the checkout."""
    return Path(os.environ.get(STATE_DIR_VARIABLE) or _REPOSITORY / ".demo").absolute()


@dataclass(frozen=True)
class RunState:
    """The addresses of the parts of a running demo. Secrets are left out of the ``repr``."""

    content: Content
    mode: Mode
    web_url: str
    redis_url: str = field(repr=False)
    supabase_url: str
    publishable_key: str
    secret_key: str = field(repr=False)
    signing_key: str = field(repr=False)
    """The private JWK that tokens are signed with."""
    database_url: str = field(repr=False)
    """The libpq URI of the Supabase database for the role that migrates."""

    def save(self, folder: Path) -> None:
        """Write the run file, readable by its owner only."""
        write_private(folder / _RUN_FILE, asdict(self))


@dataclass
class Credentials:
    """The secrets that the demo keeps between runs: sessions, logins and keys stay valid."""

    django_secret_key: str = field(default="", repr=False)
    metrics_token: str = field(default="", repr=False)
    passwords: dict[str, str] = field(default_factory=dict, repr=False)
    """Passwords by login."""
    api_keys: dict[str, str] = field(default_factory=dict, repr=False)
    """API keys of the sites' own servers, by slug of the publication."""
    webhook_secrets: dict[str, str] = field(default_factory=dict, repr=False)
    """Secrets with which the CMS signs the sites' webhooks, by slug of the publication."""

    def save(self, folder: Path) -> None:
        """Write the file, readable by its owner only."""
        write_private(folder / _CREDENTIALS_FILE, asdict(self))


def running_demo(folder: Path) -> RunState | None:
    """Return the demo that runs in ``folder``; ``None`` if there is none, or if it has died."""
    try:
        given = json.loads((folder / _RUN_FILE).read_text())
    except FileNotFoundError:
        return None
    return RunState(**given) if _is_locked(folder) else None


def forget_run(folder: Path) -> None:
    """Remove the run file."""
    (folder / _RUN_FILE).unlink(missing_ok=True)


def load_credentials(folder: Path) -> Credentials:
    """Return the credentials kept in ``folder``; empty ones if there are none yet."""
    try:
        return Credentials(**json.loads((folder / _CREDENTIALS_FILE).read_text()))
    except FileNotFoundError:
        return Credentials()


def lock_path(folder: Path) -> Path:
    """Return the file that a running demo holds an exclusive ``flock`` on."""
    return folder / "lock"


def write_private(path: Path, value: object) -> None:
    """Replace ``path`` by ``value`` as JSON in one step, with mode 0600 from its first byte."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w") as file:
        json.dump(value, file, indent=2)
        file.write("\n")
    Path(name).replace(path)


def _is_locked(folder: Path) -> bool:
    try:
        with lock_path(folder).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
