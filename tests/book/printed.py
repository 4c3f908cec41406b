"""Whether a block printed what its page shows."""

import json
import re

import page

# What differs from run to run: ports that were free, and times.
PORT = re.compile(r"(127\.0\.0\.1|localhost):\d{4,5}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)")
# A comment that says what the line prints.
SAID = re.compile(r"^\s*print\(.*\)  # (.+)$", re.MULTILINE)


def difference(block: page.Block, out: str) -> str | None:
    """What is not as the page shows it; `…` stands for anything, and JSON shows members of an answer."""
    if block.language == page.PYTHON:
        lines = iter(out.splitlines())
        for said in SAID.findall(block.text):
            if not any(_is_like(said, line) for line in lines):
                return f"{block.place}: the page says that it prints\n{said}\nand it printed\n{out}"
    if not block.printed:
        return None
    if block.printed_as == "json":
        try:
            is_right = _holds(json.loads(out), json.loads(block.printed))
        except json.JSONDecodeError:
            is_right = False
    else:
        is_right = _is_like(block.printed, out)
    return None if is_right else f"{block.place}: the page shows\n{block.printed}\nand it printed\n{out}"


def _is_like(shown: str, out: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in _plain(shown).split("…"))
    return re.fullmatch(pattern, _plain(out), re.DOTALL) is not None


def _plain(text: str) -> str:
    lines = (line.rstrip() for line in text.strip("\n").splitlines())
    return TIME.sub("TIME", PORT.sub(r"\1:PORT", "\n".join(lines)))


def _holds(whole: object, shown: object) -> bool:
    """Whether all that is shown is there; a list is shown as a whole."""
    if shown == "…":
        return True
    if isinstance(shown, dict):
        return isinstance(whole, dict) and all(name in whole and _holds(whole[name], shown[name]) for name in shown)
    if isinstance(shown, list):
        return (
            isinstance(whole, list)
            and len(whole) == len(shown)
            and all(_holds(one, other) for one, other in zip(whole, shown, strict=True))
        )
    if isinstance(shown, str) and isinstance(whole, str):
        return _is_like(shown, whole)
    return type(whole) is type(shown) and whole == shown
