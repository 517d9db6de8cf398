"""What a running demo reports to people and tools: addresses, logins, keys."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from demo_project.state import RunState, load_credentials, write_private

PAPERS_FILE = "papers.json"


@dataclass(frozen=True)
class Paper:
    """One site; ``slug`` is its path on the demo's server."""

    id: str
    name: str
    slug: str
    editor: str


@dataclass(frozen=True)
class Ready:
    """The running demo, including its secrets: only for its owner."""

    run: RunState
    administrator: str
    passwords: dict[str, str]
    metrics_token: str
    api_keys: dict[str, str]
    papers: tuple[Paper, ...]

    @classmethod
    def collect(cls, folder: Path, run: RunState) -> Ready:
        """Return the running demo, from the files of ``prepare_demo`` in the state folder."""
        found = json.loads((folder / "run" / PAPERS_FILE).read_text())
        credentials = load_credentials(folder)
        return cls(
            run=run,
            administrator=found["administrator"],
            passwords=credentials.passwords,
            metrics_token=credentials.metrics_token,
            api_keys=credentials.api_keys,
            papers=tuple(Paper(**paper) for paper in found["papers"]),
        )

    @property
    def split_url(self) -> str:
        return f"{self.run.web_url}/split/"

    @property
    def admin_url(self) -> str:
        return f"{self.run.web_url}/admin/"

    def as_json(self) -> dict[str, Any]:
        """Return the content of the ready file."""
        return {
            "admin_url": self.admin_url,
            "metrics_token": self.metrics_token,
            "username": self.administrator,
            "password": self.passwords[self.administrator],
            "api_url": f"{self.run.web_url}/spool-live/",
            "supabase_url": self.run.supabase_url,
            "publishable_key": self.run.publishable_key,
            "secret_key": self.run.secret_key,
            "database_url": self.run.database_url,
            "split_url": self.split_url,
            "sites": [self._site(paper) for paper in self.papers],
        }

    def _site(self, paper: Paper) -> dict[str, Any]:
        return {
            "id": paper.id,
            "name": paper.name,
            "page_url": f"{self.run.web_url}/sites/{paper.slug}/",
            "api_key": self.api_keys[paper.slug],
            "editor": {"username": paper.editor, "password": self.passwords[paper.editor]},
            "articles_url": f"{self.admin_url}newsroom/article/?site__id__exact={paper.id}",
        }


def write_papers(folder: Path, administrator: str, papers: list[Paper]) -> None:
    """Write the file that ``Ready.collect`` reads."""
    found = {"administrator": administrator, "papers": [asdict(paper) for paper in papers]}
    write_private(folder / "run" / PAPERS_FILE, found)


def write_ready_file(path: Path, ready: Ready) -> None:
    """Write the ready file in one step, readable by its owner only."""
    write_private(path, ready.as_json())
