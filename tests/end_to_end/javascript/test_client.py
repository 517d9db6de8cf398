"""The JavaScript package on Node, against the real API, database and Realtime frames."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, TypedDict

import pytest
from django.conf import LazySettings

from spool_live import keys
from spool_live.delivery import mirror
from spool_live.schema import collection_types
from tests.end_to_end.conftest import Road

from .follower import PACKAGE, Follower, following

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("javascript_package")]


class ArticleMetadata(TypedDict):
    title: str


FOLLOW = """
import { LiveUpdatesClient } from "spool-live";
new LiveUpdatesClient().onUpdate((update) => {
  const title: string | undefined = update.metadata.title;
  const collection: "articles" = update.collection;
  // @ts-expect-error there is no such field
  update.metadata.body;
  if (update.event_type === "content.deleted") console.log(title, collection);
  // @ts-expect-error there is no such event
  if (update.event_type === "content.moved") console.log();
});
"""


def config(road: Road, site: object, key: str, **options: Any) -> dict[str, Any]:
    return {"siteId": str(site), "apiKey": key, "apiUrl": road.api_url, **options}


def has(follower: Follower, *slugs: str) -> None:
    follower.until(lambda: len(follower.updates) >= len(slugs))
    assert [update["slug"] for update in follower.updates] == list(slugs)


@pytest.mark.parametrize("mode", ["broadcast", "postgres_changes"])
def test_each_site_gets_its_own_updates(road: Road, settings: LazySettings, mode: str) -> None:
    settings.SPOOL_LIVE = {**settings.SPOOL_LIVE, "REALTIME_MODE": mode}
    (site_a, key_a), (site_b, key_b) = road.site("A"), road.site("B")
    with (
        following(**config(road, site_a.pk, key_a)) as a,
        following(**config(road, site_b.pk, key_b)) as b,
    ):
        a.until_live()
        b.until_live()
        article = road.edit(site_a, "for-a")
        road.edit(site_b, "for-b")
        has(a, "for-a")
        has(b, "for-b")
        road.edit(site_a, "again-a")
        has(a, "for-a", "again-a")
        assert a.updates[0]["item_id"] == str(article.pk)
        assert {update["site_id"] for update in b.updates} == {str(site_b.pk)}


def test_revoked_key_stops_its_client_and_the_others_follow_to_the_new_epoch(road: Road) -> None:
    site, good = road.site("A")
    bad_key, bad = keys.create_key(site, name="to be revoked")
    mirror.mirror_pending("default")
    with (
        following(**config(road, site.pk, good)) as kept,
        following(**config(road, site.pk, str(bad))) as lost,
    ):
        kept.until_live()
        lost.until_live()
        keys.revoke_key(bad_key)
        mirror.mirror_pending("default")
        road.edit(site, "after")
        has(kept, "after")
        lost.until(lambda: lost.phase == "revoked")
        assert lost.updates == []


def test_whole_history_from_the_start_in_order(road: Road) -> None:
    site, key = road.site("A")
    slugs = [f"article-{number}" for number in range(5)]
    for slug in slugs:
        road.edit(site, slug)
    with following(**config(road, site.pk, key, start=0)) as late:
        has(late, *slugs)


def test_unknown_key_is_said_at_once(road: Road) -> None:
    site, _ = road.site("A")
    with following(**config(road, site.pk, "spool_unknown.key")) as refused:
        refused.until(lambda: refused.errors)
        assert refused.errors[0].startswith("InvalidCredentialsError")


def test_packed_archive_installs_without_a_warning(tmp_path: Path) -> None:
    def npm(folder: Path, *arguments: str) -> str:
        run = subprocess.run(
            ["npm", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=120
        )
        return run.stdout + "\n".join(
            line for line in run.stderr.splitlines() if "Unknown user config" not in line
        )

    npm(PACKAGE, "pack", "--silent", "--ignore-scripts", "--pack-destination", str(tmp_path))
    [archive] = tmp_path.glob("spool-live-*.tgz")
    project = tmp_path / "project"
    project.mkdir()
    npm(project, "init", "--yes")
    said = npm(project, "install", "--no-audit", "--no-fund", str(archive))
    assert "warn" not in said.lower(), said
    script = "import('spool-live').then((m) => console.log(typeof m.LiveUpdatesClient))"
    run = subprocess.run(
        ["node", "-e", script], cwd=project, capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.strip() == "function"
    (project / "collections.ts").write_text(collection_types({"articles": ArticleMetadata}))
    (project / "follow.ts").write_text(FOLLOW)
    options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--types", ""]
    check = subprocess.run(
        [str(PACKAGE / "node_modules" / ".bin" / "tsc"), *options, "collections.ts", "follow.ts"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert check.returncode == 0, check.stdout
