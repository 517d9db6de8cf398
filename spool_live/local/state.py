"""The state folder, which keeps the secrets of a local Supabase between starts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from spool_live.local.config import LocalSupabaseConfig, PrivilegeWorld
from spool_live.local.exceptions import StateError
from spool_live.local.processes import free_port

SECRET_NAMES = ("jwt_secret", "signing_key", "publishable_key", "secret_key", "database_password")


def configuration(
    state_dir: Path,
    *,
    port: int,
    database_port: int,
    privilege_world: PrivilegeWorld = "grant-none",
) -> LocalSupabaseConfig:
    """Return the configuration of the local Supabase in ``state_dir``, with its stored secrets.

    A folder without ``secrets.json`` gets one, readable by its owner only. Port 0 stands for any
    free one. Raises ``StateError``.
    """
    config = LocalSupabaseConfig.generate(
        state_dir.absolute(),
        port=port or free_port(),
        database_port=database_port or free_port(),
        privilege_world=privilege_world,
    )
    file = state_dir / "secrets.json"
    if file.exists():
        stored = _read(file)
        return replace(config, **stored)
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    keep_out_of_git(state_dir)
    write_private(file, {name: getattr(config, name) for name in SECRET_NAMES})
    return config


def keep_out_of_git(folder: Path) -> None:
    """Write a ``.gitignore`` into ``folder`` that makes git ignore all of it."""
    (folder / ".gitignore").write_text("*\n")


def write_private(file: Path, content: object) -> None:
    """Write ``content`` as JSON into a file that only its owner can read, atomically."""
    unfinished = file.with_name(f"{file.name}.new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(content, indent=2) + "\n")
    unfinished.rename(file)


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text())
        return {name: str(content[name]) for name in SECRET_NAMES}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateError(
            f"{file} cannot be read ({error}): delete the state folder to start anew"
        ) from error
