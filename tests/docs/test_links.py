"""Links and names of files lead somewhere, and the index leads to every page."""

import re

import pytest

from .pages import PAGES, ROOT, files, links, text_of


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in links(page):
        path, _, _ = target.partition("#")
        if path and "://" not in path:
            assert ((ROOT / page).parent / path).exists(), f"{page}: {target}"


@pytest.mark.parametrize("page", PAGES)
def test_files_named_in_prose_exist(page):
    assert not [name for name in files(page) if not (ROOT / name).exists()]


def test_ten_questions_of_a_newcomer_are_answered_by_files_that_exist():
    table = text_of("CONTRIBUTING.md").partition("| Where is ... | File |")[2].partition("\n\n")[0]
    answers = re.findall(r"^\| (.+\?) \| `(.+)` \|$", table, re.M)
    assert len(answers) == len(set(answers)) == 10
    assert not [name for _, name in answers if not (ROOT / name).is_file()]


def test_the_index_lists_every_page_and_the_readme_links_it():
    listed = set(links("docs/README.md"))
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert pages <= listed
    assert "docs/README.md" in links("README.md")
