"""What must hold of the documentation site once it is built: ``python tests/built_site.py FOLDER``.

Every link and anchor leads somewhere within it, every public name has a place, every page is in the
navigation of the first one, and no page asks another host for anything. Run by ``tox run -e docs``.
"""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import griffe

REPOSITORY = Path(__file__).parent.parent
PACKAGES = ("spool_live", "spool_live.client")
FETCHED = {
    ("script", "src"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("link", "href"),
}
NOT_FETCHED = {"canonical", "next", "prev", "alternate"}
"""Relations of a ``<link>`` that no browser follows by itself."""
OF_DJANGO = ("spool_live.LiveManager.", "spool_live.LiveQuerySet.")
_IN_CSS = re.compile(r"(?:url\(|@import\s)[\"']?((?:https?:)?//[^\"')]+)")


class Page(HTMLParser):
    """The links, the anchors and what is fetched by one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        for name, value in given.items():
            relations = set(given.get("rel", "").split())
            if (tag, name) in FETCHED and not relations & NOT_FETCHED:
                self.fetched.append(value)


def pages_of(site: Path) -> dict[str, Page]:
    """The pages by their path within the site: ``""`` is the first one."""
    return {
        path.relative_to(site).as_posix().removesuffix("index.html"): Page(path.read_text("utf-8"))
        for path in sorted(site.rglob("*.html"))
    }


def broken(site: Path, pages: dict[str, Page]) -> Iterator[str]:
    """Links and anchors that lead nowhere."""
    for name, page in pages.items():
        if name == "404.html":  # its links are for whatever address was asked for
            continue
        for link in page.links + page.fetched:
            if urlsplit(link).scheme or link.startswith("//"):
                continue
            address, fragment = urldefrag(urljoin(f"/{name}", link))
            target = unquote(address).removeprefix("/").removesuffix("index.html")
            if target in pages:
                if fragment and unquote(fragment) not in pages[target].anchors:
                    yield f"{name or '/'}: {link} has no such anchor"
            elif not (site / target).is_file():
                yield f"{name or '/'}: {link} leads nowhere"


def foreign(site: Path, pages: dict[str, Page]) -> Iterator[str]:
    """What would be fetched from another host."""
    for name, page in pages.items():
        for address in page.fetched:
            if urlsplit(address).netloc:
                yield f"{name or '/'} fetches {address}"
    for path in site.rglob("*.css"):
        for address in _IN_CSS.findall(path.read_text("utf-8")):
            yield f"{path.relative_to(site)} fetches {address}"


def unreachable(pages: dict[str, Page]) -> Iterator[str]:
    """Pages that no link of the first one, nor of those it links, leads to."""
    reached, waiting = {"404.html"}, [""]
    while waiting:
        name = waiting.pop()
        if name in reached or name not in pages:
            continue
        reached.add(name)
        addresses = (urldefrag(urljoin(f"/{name}", link))[0] for link in pages[name].links)
        waiting += [a.removeprefix("/").removesuffix("index.html") for a in addresses]
    yield from (f"{name} cannot be reached" for name in pages if name not in reached)


def inventory(site: Path) -> set[str]:
    """The names that ``objects.inv`` has (the format of Sphinx, version 2)."""
    data = (site / "objects.inv").read_bytes()
    body = data.split(b"\n", 4)[4]
    return {line.split(" ", 1)[0] for line in zlib.decompress(body).decode().splitlines()}


def public_names() -> Iterator[tuple[str, griffe.Object]]:
    """What ``__all__`` names, and the public attributes of the classes among it."""
    root = griffe.load("spool_live", search_paths=[str(REPOSITORY)])
    for package in PACKAGES:
        module = root[package.partition(".")[2]] if "." in package else root
        for name in module.exports or ():
            found = module[str(name)]
            target = found.final_target if found.is_alias else found
            yield f"{package}.{name}", target
            if target.is_class:
                for member, value in target.all_members.items():
                    if not member.startswith("_"):
                        inner = value.final_target if value.is_alias else value
                        yield f"{package}.{name}.{member}", inner


def promised() -> set[str]:
    """The names and members in ``surface.txt``, which the suite compares with the code at work,
    without what is Python's or Django's."""
    lines = (REPOSITORY / "tests/surface.txt").read_text("utf-8").splitlines()
    names = {line.split()[1] for line in lines if line.startswith(("name ", "member "))}
    return {
        name
        for name in names
        if not name.startswith(OF_DJANGO) and not hasattr(str, name.rpartition(".")[2])
    }


def without_a_place(site: Path) -> Iterator[str]:
    """Public names that the reference lacks, and those without a docstring."""
    listed = inventory(site)
    named = dict(public_names())
    for name in sorted((named.keys() | promised()) - listed):
        yield f"{name} has no place in the reference"
    for name, found in sorted(named.items()):
        if not found.has_docstring and name in listed:
            yield f"{name} has no docstring"


def main(site: Path) -> int:
    """Print what is wrong; return the exit code."""
    pages = pages_of(site)
    faults = [
        *broken(site, pages),
        *foreign(site, pages),
        *unreachable(pages),
        *without_a_place(site),
    ]
    links = sum(len(page.links) for page in pages.values())
    faults.append(f"{len(pages)} pages, {links} links, {len(faults)} faults")
    sys.stdout.writelines(f"{line}\n" for line in faults)
    return 1 if len(faults) > 1 or not pages else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
