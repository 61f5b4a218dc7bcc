"""README and docs are executed: the python blocks of a page run one after another, as a reader would run them.

A text block right after a python block shows what that prints; it is held to it.
"""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CHINESE = ROOT / "README.zh.md"  # its blocks are those of README.md
BLOCK = re.compile(r"^```python\n(.*?)^```(?:\n\n```text\n(.*?)^```)?", flags=re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
NEAR = 0.15  # of a number's size: what is trained differs from one processor to the next


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    names: dict[str, object] = {"__name__": "__main__"}
    for block in BLOCK.finditer(text):
        line = text[: block.start()].count("\n") + 1
        with redirect_stdout(io.StringIO()) as printed:
            exec(compile("\n" * line + block[1], str(page), "exec"), names)
        if block[2] is not None:
            check_shown(block[2], printed.getvalue())


def check_shown(shown: str, printed: str) -> None:
    assert NUMBER.sub("#", shown) == NUMBER.sub("#", printed)
    was, now = ([float(number) for number in NUMBER.findall(text)] for text in (shown, printed))
    assert now == pytest.approx(was, rel=NEAR, abs=1e-3)


@pytest.mark.parametrize("page", [*PAGES, CHINESE], ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    prose = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )  # a[0](x) is no link
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", prose):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_chinese_readme_shows_the_same_blocks() -> None:
    english, chinese = (
        re.findall(r"^```.*?^```", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for page in (ROOT / "README.md", CHINESE)
    )
    assert chinese == english
