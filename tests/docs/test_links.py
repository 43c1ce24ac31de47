"""Links lead somewhere, and the index leads to every page."""

import pytest

from .pages import PAGES, ROOT, links


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in links(page):
        path, _, _ = target.partition("#")
        if path and "://" not in path:
            assert ((ROOT / page).parent / path).exists(), f"{page}: {target}"


def test_the_index_lists_every_page_and_the_readme_links_it():
    listed = set(links("docs/README.md"))
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert pages <= listed
    assert "docs/README.md" in links("README.md")
