"""The page in a real browser, at the width of a telephone and of a desk: no sideways scrolling, no tiny letters.

Chromium's own window is never narrower than about 500 pixels, so the page stands in frames of the wanted widths, and a
script that only the test's copy of it holds tells the frame's parent what it measured.
"""

from __future__ import annotations

import html as markup
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from report_strategies import large

from gossamer.render import html

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = "quic first-run background-networking component-update sync gpu"
FLAGS = ["--headless", "--no-sandbox", "--virtual-time-budget=3000", "--window-size=1300,900", "--dump-dom"]
FLAGS += [f"--no-{word}" if word == "first-run" else f"--disable-{word}" for word in QUIET.split()]
DARK = "--blink-settings=preferredColorScheme=0"
WIDTHS = (390, 1280)
SMALLEST = 11  # pixels of a letter that is still read with ease
PATIENCE = 60  # seconds for a browser that starts on a busy machine

MEASURE = """<script>addEventListener("load", () => {
  const root = document.documentElement, style = element => getComputedStyle(element);
  const told = node => node.nodeType === 3 && node.data.trim();
  const words = [...document.querySelectorAll("body *")].filter(
    element => [...element.childNodes].some(told) && !element.closest("title"));
  const outside = [...document.querySelectorAll("body *")].filter(
    element => !element.closest(".scroll") && element.getBoundingClientRect().right > innerWidth + 1);
  const box = document.querySelector(".scroll .wide").parentElement;
  parent.postMessage({
    inner: innerWidth, scroll: root.scrollWidth,
    letters: Math.min(...words.map(element => parseFloat(style(element).fontSize))),
    outside: outside.map(element => element.outerHTML.slice(0, 80)),
    box: [box.clientWidth, box.scrollWidth],
    paper: style(document.body).backgroundColor, ink: style(document.body).color,
    bars: document.querySelectorAll(".bars svg").length,
    flat: [...document.querySelectorAll("main > section svg")].filter(
      svg => !svg.closest("details") && svg.getBoundingClientRect().width < 50).length,
  }, "*");
});</script>"""
LISTEN = """<script>addEventListener("message", event => {
  const told = document.createElement("pre"); told.textContent = JSON.stringify(event.data); document.body.append(told);
});</script>"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed to open the page with")


def measured(folder: Path, page: str, *flags: str) -> dict[int, dict[str, Any]]:
    """What the page's copies measured, by the width of their frame."""
    assert CHROMIUM is not None
    copy = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page).replace("</body>", f"{MEASURE}</body>")
    (folder / "page.html").write_text(copy)
    frames = "".join(
        f'<iframe src="page.html" style="width:{width}px;height:900px;border:0"></iframe>' for width in WIDTHS
    )
    (folder / "frames.html").write_text(f"<!doctype html><body>{LISTEN}{frames}</body>")
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", *flags, (folder / "frames.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    told = [json.loads(markup.unescape(text)) for text in re.findall("<pre>(.*?)</pre>", done.stdout)]
    return {found["inner"]: found for found in told}


def test_the_page_fits_a_telephone_and_a_desk(tmp_path: Path) -> None:
    found = measured(tmp_path, html(large(), title="A large model"))
    assert set(found) == set(WIDTHS)
    for width, page in found.items():
        assert page["scroll"] <= width
        assert page["outside"] == []
        assert page["letters"] >= SMALLEST
        assert page["bars"] > 20
        assert page["flat"] == 0, "a plot without width shows nothing"
        assert page["paper"] == "rgb(255, 255, 255)"
    client, scroll = found[390]["box"]
    assert client < scroll, "the table of tensors scrolls inside its own box"


def test_names_without_a_place_to_break_stay_inside(tmp_path: Path) -> None:
    report = large(3)
    long = report.rows[0].name.replace(".", "_") * 3
    rows = tuple(type(row)(**{**vars(row), "name": f"{long}_{i}"}) for i, row in enumerate(report.rows))
    page = html(type(report)(**{**vars(report), "rows": rows, "notes": (long,)}), title=long)
    for width, found in measured(tmp_path, page).items():
        assert found["scroll"] <= width, found["outside"]


def test_the_dark_page_is_dark(tmp_path: Path) -> None:
    for found in measured(tmp_path, html(large(3)), DARK).values():
        paper, ink = (sum(map(int, re.findall(r"\d+", found[key]))) for key in ("paper", "ink"))
        assert paper < 150 < 600 < ink
