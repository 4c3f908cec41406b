"""What a page of Markdown says about its blocks of code.

A block of `sh` or `python` is run, and one of `text` or `json` right behind it is what it prints; other JSON and YAML is read. Comments,
which no reader of the page sees, say the rest:

    <!-- run: skipped, since it needs Docker -->                     the next block
    <!-- run: the rest is skipped, since it measures for hours -->   all blocks from here on
    <!-- run: in another terminal -->                                the next block holds its terminal, as a server does
    <!-- run: by psql -->                                            the next block is what this command reads
    <!-- run: printed -->                                            the next block is what the last one prints
    <!-- run: first                                                  lines in the language of the next block, before it, that
    cp -r …                                                          the page leaves to its reader
    -->
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from markdown_it import MarkdownIt

SHELL = ("sh", "bash")
PYTHON = "python"
PRINTED = ("text", "json")
COMMENT = re.compile(r"<!-- run: (.*?)\s*-->", re.DOTALL)


class PageError(Exception):
    """A comment that means nothing, or a block that is neither run nor read nor skipped for a reason."""


@dataclass
class Block:
    """A block of a page, with what its comments say of it."""

    page: str
    line: int
    language: str
    text: str
    first: str = ""
    by: str = ""
    is_held: bool = False
    skipped: str = ""
    printed: str = ""
    printed_as: str = ""

    @property
    def is_run(self) -> bool:
        return not self.skipped and (self.language in (*SHELL, PYTHON) or self.by != "")

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def title(self) -> str:
        """The line by which people know it."""
        return next(iter(self.text.strip().splitlines()), "")


def blocks(path: Path, name: str) -> list[Block]:
    """The blocks of a page in their order; what a block prints is part of that block.

    Raises `PageError` where one is neither run, nor what a block prints, nor JSON or YAML that can be read, nor skipped.
    """
    found: list[Block] = []
    comments: dict[str, Any] = {}
    rest, is_right_behind = "", False
    for token in MarkdownIt("commonmark").parse(path.read_text()):
        place = f"{name}:{token.map[0] + 1 if token.map else 0}"
        if token.type == "html_block":
            for comment in COMMENT.findall(token.content):
                said = _read(comment, place)
                rest = said.pop("rest", rest)
                comments |= said
        if token.type != "fence":
            is_right_behind = False
            continue
        language = token.info.split()[0] if token.info.strip() else ""
        if language in PRINTED and (comments.pop("is_printed", False) or (is_right_behind and not comments)):
            found[-1].printed, found[-1].printed_as = token.content, language
            is_right_behind = False
            continue
        block = Block(name, token.map[0] + 1, language, token.content, **({"skipped": rest} | comments))
        comments = {}
        _check(block)
        found.append(block)
        is_right_behind = block.is_run
    if comments:
        raise PageError(f"{name}: no block follows the last comment")
    return found


def _read(comment: str, place: str) -> dict[str, Any]:
    if said := re.fullmatch(r"(skipped|the rest is skipped), since (.+)", comment, re.DOTALL):
        return {"skipped" if said[1] == "skipped" else "rest": " ".join(said[2].split())}
    if comment == "in another terminal":
        return {"is_held": True}
    if comment == "printed":
        return {"is_printed": True}
    if said := re.fullmatch(r"by\s(.+)", comment, re.DOTALL):
        return {"by": said[1]}
    if said := re.fullmatch(r"first\n(.+)", comment, re.DOTALL):
        return {"first": said[1] + "\n"}
    raise PageError(f"{place}: a comment that means nothing: {comment}")


def _check(block: Block) -> None:
    if block.is_run or block.skipped:
        return
    try:
        if block.language == "json":
            json.loads(block.text)
            return
        if block.language == "yaml":
            list(yaml.safe_load_all(block.text))
            return
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        raise PageError(f"{block.place}: not {block.language}: {error}") from error
    raise PageError(
        f"{block.place}: a block of `{block.language}` is neither run nor skipped for a reason: {block.title}"
    )
