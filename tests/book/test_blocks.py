"""The pages do what they say: every block that can run is run, and prints what the page shows."""

import os
from pathlib import Path

import page
import printed
import pytest
import sandbox

ROOT = sandbox.ROOT
PAGES = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
NOT_RUN = Path(__file__).parent / "not_run.txt"


def findings(blocks: list[page.Block]) -> list[str]:
    """What is wrong with the blocks of a page when they are run."""
    run = [block for block in blocks if block.is_run]
    reading = sandbox.follow(run)
    found = []
    for block, outcome in zip(run, reading.outcomes, strict=False):
        if outcome.code != 0:
            found.append(f"{block.place}: exit code {outcome.code}: {block.title}\n{outcome.out}{outcome.err}")
        elif difference := printed.difference(block, outcome.out):
            found.append(difference)
    if not found and any(reading.endings):
        found.append(f"{blocks[0].page}: Python, the server and the shell ended with {reading.endings}")
    seconds = sum(outcome.seconds for outcome in reading.outcomes)
    print(f"{blocks[0].page}: {len(run)} of {len(blocks)} blocks run in {seconds:.1f} s")
    return found


@pytest.mark.parametrize("name", PAGES)
def test_a_page(name: str) -> None:
    blocks = page.blocks(ROOT / name, name)
    if any(block.is_run for block in blocks):
        found = findings(blocks)
        assert not found, "\n\n".join(found)


def test_what_is_not_run_is_known() -> None:
    """Each block that is skipped stands with its reason in a list that people read."""
    skipped = [block for name in PAGES for block in page.blocks(ROOT / name, name) if block.skipped]
    lines = [f"{block.page}: {block.title}\n    {block.skipped}\n" for block in skipped]
    listed = "".join(lines)
    if os.environ.get("UPDATE_NOT_RUN"):
        NOT_RUN.write_text(listed)
    assert NOT_RUN.read_text() == listed, "see what is skipped now, and write it anew with UPDATE_NOT_RUN=1"
