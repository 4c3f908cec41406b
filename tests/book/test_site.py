"""The site is built without a warning, and no link in it or in the pages of the repository leads nowhere."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = Path(os.environ["BOOK_TOOLS"]) / "bin"


def run(*command: object) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PATH": f"{TOOLS}:{os.environ['PATH']}"}
    return subprocess.run([str(part) for part in command], env=variables, capture_output=True, text=True, timeout=120)


def build(repository: Path, html: Path) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, repository / "scripts/book", html)


def broken_links(root: Path, *inputs: Path) -> str:
    """What lychee says of links to files and headings that are not there; nothing outside is asked for."""
    said = run(
        *(TOOLS / "lychee", "--offline", "--no-progress", "--include-fragments", "--index-files", "index.html"),
        *("--root-dir", root, *inputs),
    )
    return "" if said.returncode == 0 else said.stdout + said.stderr


def tracked(pattern: str) -> list[Path]:
    listed = run("git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard", pattern)
    return [ROOT / line for line in listed.stdout.splitlines()]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The repository, to be broken."""
    copied = tmp_path / "repository"
    for file in tracked("."):
        there = copied / file.relative_to(ROOT)
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, there, follow_symlinks=False)
    return copied


def test_the_site(tmp_path: Path) -> None:
    html = tmp_path / "html"
    built = build(ROOT, html)
    assert built.returncode == 0, built.stderr
    assert not (broken := broken_links(html, html)), broken


def test_every_page_is_in_the_site() -> None:
    summary = (ROOT / "docs/SUMMARY.md").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "SUMMARY.md" or f"({page.name})" in summary, page


def test_every_kind_is_an_answer_to_a_question() -> None:
    """And no other; the tables of kinds have their costs, and those of questions have the kinds in their third column."""
    kinds, answers = set(), set()
    for table in (ROOT / "docs/detectors.md").read_text().split("\n\n"):
        if table.startswith("| kind |"):
            for row in table.splitlines():
                kinds |= set(re.findall(r"`(\w+)`", row.split("|")[1]))
    page = (ROOT / "docs/which-detector.md").read_text()
    for row in re.findall(r"^\|.*\|$", page.split("## Then")[0], re.MULTILINE):
        answers |= set(re.findall(r"`(\w+)`", row.split("|")[3]))
    assert len(kinds) == 52
    # `tabular` is a drift type, too, and `dummy` answers no question about data.
    assert answers | {"dummy"} == kinds
    assert "`dummy`" in page


def test_the_links_of_the_repository() -> None:
    pages = tracked("*.md")
    assert len(pages) > 20
    assert not (broken := broken_links(ROOT, *pages)), broken


def test_what_is_broken_is_found(copy: Path, tmp_path: Path) -> None:
    page, html = copy / "docs/limits.md", tmp_path / "html"
    text = page.read_text()
    assert build(copy, html).returncode == 0
    page.write_text(text + "\n[a heading](storage.md#there-is-none)\n")
    assert build(copy, html).returncode == 0
    assert "there-is-none" in broken_links(html, html)
    assert "there-is-none" in broken_links(copy, page)
    for wrong in (
        "[a page](nowhere.md)",
        "[not in the summary](../tests/README.md)",
        "<details>never closed",
        "<b>a word",
    ):
        page.write_text(f"{text}\n{wrong}\n")
        assert build(copy, html).returncode != 0, wrong
