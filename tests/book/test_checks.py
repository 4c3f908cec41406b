"""What is wrong with a page is found: each check is tried on a page that is broken."""

from pathlib import Path

import page
import pytest
import test_blocks

SERVER = "<!-- run: in another terminal -->\n```sh\ndrifting serve --database-uri none\n```\n"


def findings(folder: Path, text: str) -> str:
    file = folder / "page.md"
    file.write_text(text)
    return "\n".join(test_blocks.findings(page.blocks(file, "page.md")))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("```sh\nfalse\n```\n", "exit code 1"),
        ("```sh\necho one\n```\n```sh\nexit 7\n```\n", "page.md:4: exit code 7"),
        ("```sh\nfor n in 1 2; do ls nowhere; done\n```\n", "nowhere"),
        (
            "```sh\necho one two\n```\n```text\none …o\n```\n```sh\necho one\n```\n```text\ntwo\n```\n",
            "page.md:7: the page shows",
        ),
        ('```sh\necho \'{"a": {"b": 1, "c": 2}}\'\n```\n```json\n{"a": {"b": 2}}\n```\n', "the page shows"),
        ("```sh\necho {}\n```\nIn words:\n\n<!-- run: printed -->\n```json\n[]\n```\n", "the page shows"),
        ("```python\nprint(1 + 1)  # 3\n```\n", "the page says"),
        ("```python\none = 1\n```\n```python\nprint(two)\n```\n", "NameError"),
        ("<!-- run: by grep sql -->\n```sql\nSELECT 1;\n```\n", "exit code 1"),
        ("<!-- run: first\nfalse\n-->\n```sh\ntrue\n```\n", "exit code 1"),
        ("<!-- run: in another terminal -->\n```sh\ndrifting serve --nonsense\n```\n", "unexpected argument"),
        (SERVER + "```sh\ncurl -s localhost:8080/api/v1/projects/nobody\n```\n", "project_not_found"),
        (SERVER + "```sh\nkill -KILL $(grep -lx drifting /proc/[0-9]*/comm | cut -d/ -f3)\n```\n", "ended with"),
    ],
)
def test_what_is_wrong_is_found(tmp_path: Path, text: str, found: str) -> None:
    assert found in findings(tmp_path, text)


def test_what_is_right_is_let_through(tmp_path: Path) -> None:
    text = (
        '<!-- run: first\nn=5\n-->\n```sh\ncd /srv; echo \'{"port": "127.0.0.1:4711", "n": \'$n\'}\'\n```\n'
        '```json\n{"port": "127.0.0.1:8080", "n": 5}\n```\n'
        "```sh\npwd\n```\n```text\n/srv\n```\n"
        "```python\nprint('2026-01-01T00:00:00Z', 3.25)  # 2027-12-31T23:59:59.5Z 3.…\n```\n"
        'Beside it:\n\n```json\n{"read": "and not run"}\n```\n<!-- run: by cat -->\n```sql\nSELECT 1;\n```\n```text\nSELECT 1;\n```\n'
    )
    assert findings(tmp_path, SERVER + text) == ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("```ts\nlet a = 1;\n```\n", "neither run nor skipped"),
        ("```\nwithout a language\n```\n", "neither run nor skipped"),
        ("```text\nthe output of nothing\n```\n", "neither run nor skipped"),
        ("```json\n{,}\n```\n", "not json"),
        ("```yaml\na: b: c\n```\n", "not yaml"),
        ("<!-- run: skipped -->\n```sh\nls\n```\n", "means nothing"),
        ("<!-- run: printed -->\n", "no block follows"),
    ],
)
def test_a_page_that_leaves_it_open_is_refused(tmp_path: Path, text: str, found: str) -> None:
    with pytest.raises(page.PageError, match=found):
        findings(tmp_path, text)


def test_a_sandbox_reaches_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    text = (
        "```sh\ntail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '\n! touch /usr/left 2> said.txt\nwhoami; pwd\n```\n"
        "```text\nlo\nyou\n/home/you\n```\n"
    )
    assert findings(tmp_path, text) == ""
