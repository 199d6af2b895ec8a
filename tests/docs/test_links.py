"""Every relative link leads somewhere, to the heading as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import ROOT, anchors, links, pages, text

PAGES = [str(page.relative_to(ROOT)) for page in pages()]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    broken = []
    for line, target in links(ROOT / page):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        found = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(f"{page}:{line}: {target}")
    assert broken == []


def test_every_page_is_listed() -> None:
    listed = {(ROOT / "docs" / target.partition("#")[0]).resolve() for _, target in links(ROOT / "docs/README.md")}
    written = {page.resolve() for page in Path(ROOT / "docs").rglob("*.md")} - {ROOT / "docs/README.md"}
    assert {str(page.relative_to(ROOT)) for page in written - listed} == set()


def test_the_architecture_names_every_package() -> None:
    packages = {path.name for path in (ROOT / "src/tidings").iterdir() if (path / "__init__.py").exists()}
    assert {name for name in packages if f"`{name}`" not in text("ARCHITECTURE.md")} == set()
