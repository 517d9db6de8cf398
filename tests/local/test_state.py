from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spool_live.local.exceptions import StateError
from spool_live.local.state import SECRET_NAMES, configuration, write_private
from spool_live.local.summary import as_json, as_text


def test_secrets_are_kept_private_and_used_again(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    first = configuration(folder, port=1, database_port=2)
    second = configuration(folder, port=3, database_port=4, privilege_world="grant-all")
    for name in SECRET_NAMES:
        assert getattr(first, name) == getattr(second, name) != ""
    assert (second.port, second.database_port, second.privilege_world) == (3, 4, "grant-all")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_folders_have_different_secrets(tmp_path: Path) -> None:
    one, other = (configuration(tmp_path / name, port=1, database_port=2) for name in "ab")
    for name in SECRET_NAMES:
        assert getattr(one, name) != getattr(other, name)


def test_port_0_is_any_free_port(tmp_path: Path) -> None:
    config = configuration(tmp_path, port=0, database_port=0)
    assert config.port > 0
    assert config.database_port > 0


@pytest.mark.parametrize("content", ["", "{", "[]", '{"jwt_secret": "x"}'])
def test_unreadable_secrets_are_refused_by_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "secrets.json").write_text(content)
    with pytest.raises(StateError, match=r"secrets\.json"):
        configuration(tmp_path, port=1, database_port=2)


def test_private_file_replaces_a_public_one(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    file.write_text("old")
    file.chmod(0o644)
    write_private(file, {"a": 1})
    assert file.read_text() == '{\n  "a": 1\n}\n'
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_summary_is_settings_to_paste_below_a_warning(tmp_path: Path) -> None:
    config = configuration(tmp_path, port=1, database_port=2)
    text = as_text(config)
    assert "NEVER USE IT IN PRODUCTION" in text.splitlines()[1]
    assert len({len(line) for line in text.splitlines()[:4]}) == 1
    pasted: dict[str, Any] = {"DATABASES": {}}
    exec(text[text.index("SPOOL_LIVE") : text.index("Ctrl-C")], pasted)
    assert pasted["SPOOL_LIVE"] == {
        "SUPABASE_URL": config.url,
        "SUPABASE_PUBLISHABLE_KEY": config.publishable_key,
        "SUPABASE_SECRET_KEY": config.secret_key,
        "JWT_SIGNING_KEY": config.jwt_secret,
    }
    assert pasted["DATABASES"]["default"]["PASSWORD"] == config.database_password
    assert as_json(config)["database_url"] == config.conninfo("postgres")
