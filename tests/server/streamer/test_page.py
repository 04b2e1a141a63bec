"""The page of a slide as text: what the browser is sent, before any of it runs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from wsi_lab.model.slide import Level, SlideProperties
from wsi_lab.server.streamer import page
from wsi_lab.server.streamer.page import ASSETS, asset, shown_name, view_page

LEVELS = (Level(2220, 2967, 240, 240, 1.0), Level(555, 741, 240, 128, 4.0021))
SLIDE = SlideProperties("Aperio SVS", LEVELS, 0.499, 0.499, 20.0, version="v&1")
HOSTILE = {
    "end of script": "</script><script>alert(1)</script>.svs",
    "end of title": "</title><img src=x onerror=alert(1)>.svs",
    "quotes": "\"'`><svg onload=alert(1)>.svs",
    "comment": "<!--<script>.svs",
    "template": "${data} $name $$ {{7*7}}.svs",
    "entities": "&lt;script&gt;&amp;.svs",
    "emoji": "Leber 🔬 grün.svs",
    "line separators": "a\u2028b\u2029c.svs",
    "control characters": "a\tb\nc\x1b[31m.svs",
    "backwards": "evil\u202egvs.svs",
    "folders": "folder/sub folder/100% #1?a=b&c+d.svs",
    "long": "x" * 1000,
}


class Outline(HTMLParser):
    """What a browser's parser makes of a page: its elements, and the text in each."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append((self.elements[-1][0] if self.elements else "", data))

    def text_of(self, tag: str) -> str:
        return "".join(text for where, text in self.texts if where == tag).strip()


def told(text: str) -> dict[str, Any]:
    """Return the facts that the page's script gets."""
    (facts,) = re.findall(r'<script type="application/json" id="slide">(.*?)</script>', text)
    parsed: dict[str, Any] = json.loads(facts)
    return parsed


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("no Node.js on this machine")
    return found


def test_page_shows_what_the_slide_is() -> None:
    outline = Outline(view_page("a.svs", SLIDE).decode())
    text = " ".join(text for _, text in outline.texts).replace("\u202f", "")
    for shown in ("a.svs", "Aperio SVS", "2220 × 2967", "0.499 µm/px", "2 levels", "20×"):
        assert shown in text
    assert "1.108 × 1.481 mm" in text
    assert outline.text_of("title") == "a.svs"


def test_page_of_a_slide_without_a_scale_says_so() -> None:
    text = view_page("a.tif", SlideProperties("Generic Pyramidal TIFF", LEVELS[:1])).decode()
    assert "not known" in text
    assert "1 level<" in text
    assert "µm" not in text
    facts = told(text)
    assert (facts["mpp"], facts["objective"]) == (None, None)


def test_script_is_told_every_level_and_where_the_tiles_are() -> None:
    facts = told(view_page("folder/ü 1.svs", SLIDE, token_query="vt=ab&exp=1").decode())
    assert facts["tiles"] == "../tiles/folder%2F%C3%BC%201.svs"
    assert facts["token"] == "vt=ab&exp=1"
    assert facts["version"] == "v&1"
    assert facts["levels"] == [
        {"width": 2220, "height": 2967, "tile_width": 240, "tile_height": 240},
        {"width": 555, "height": 741, "tile_width": 240, "tile_height": 128},
    ]


@pytest.mark.parametrize("slide_id", HOSTILE.values(), ids=HOSTILE)
def test_no_name_becomes_markup(slide_id: str) -> None:
    text = view_page(slide_id, SLIDE).decode()
    harmless = Outline(view_page("a.svs", SLIDE).decode())
    outline = Outline(text)
    assert outline.elements == harmless.elements
    assert outline.text_of("title") == shown_name(slide_id)
    path = told(text)["tiles"].removeprefix("../tiles/")
    assert unquote(path) == slide_id
    assert re.fullmatch(r"[A-Za-z0-9._~%-]*", path)


@pytest.mark.parametrize("format_name", ["</script><b>", "$data", '"><img src=x>'])
def test_no_format_or_version_becomes_markup(format_name: str) -> None:
    properties = SlideProperties(format_name, LEVELS, version="</script><b>")
    outline = Outline(view_page("a.svs", properties).decode())
    assert not [tag for tag, _ in outline.elements if tag in {"b", "img"}]
    assert format_name in "".join(text for _, text in outline.texts)


def test_page_has_no_script_or_style_of_its_own_and_no_address_from_elsewhere() -> None:
    text = view_page("a.svs", SLIDE, token_query="vt=1&exp=2").decode()
    outline = Outline(text)
    for tag, attributes in outline.elements:
        assert tag != "style"
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        if tag == "script":
            assert "src" in attributes or attributes["type"] == "application/json"
        for name in ("src", "href"):
            assert re.fullmatch(r"(assets/[\w.]+(\?v=\w+)?)?", attributes.get(name) or "")
    assert "//" not in re.sub(r"<script type=.application/json.*", "", text)


def test_policy_lets_nothing_in_from_elsewhere() -> None:
    directives = dict(
        each.strip().partition(" ")[::2] for each in page.CONTENT_SECURITY_POLICY.split(";")
    )
    assert directives["default-src"] == "'none'"
    assert {value for name, value in directives.items() if name.endswith("-src")} == {
        "'none'",
        "'self'",
    }
    assert "unsafe" not in page.CONTENT_SECURITY_POLICY


def test_every_address_of_the_page_is_an_asset() -> None:
    outline = Outline(view_page("a.svs", SLIDE).decode())
    named = {
        address.removeprefix("assets/").partition("?")[0]
        for _, attributes in outline.elements
        for address in (attributes.get("src"), attributes.get("href"))
        if address
    }
    assert named == set(ASSETS) - {"openseadragon.LICENSE.txt"}
    for name in ASSETS:
        assert asset(name)


def test_another_name_is_no_asset() -> None:
    for name in ("view.html", "main.mjs", "../page.py", "", "view.mjs/"):
        with pytest.raises(KeyError):
            asset(name)


def test_version_of_the_assets_is_in_the_page() -> None:
    version = page.assets_version()
    assert re.fullmatch(r"[0-9a-f]{12}", version)
    assert view_page("a.svs", SLIDE).decode().count(f"?v={version}") == 4


def test_script_is_one_module_of_all_parts_that_imports_nothing(node: str, tmp_path: Path) -> None:
    script = asset("view.mjs").decode()
    assert not re.findall(r"^(?:import|export) .*", script, re.MULTILINE)
    for part in (files("wsi_lab.server.streamer") / "front").iterdir():
        if part.name.endswith(".mjs"):
            last = part.read_text(encoding="utf-8").rstrip().splitlines()[-2:]
            assert "\n".join(last) in script
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert forbidden not in script
    file = tmp_path / "view.mjs"
    file.write_text(script, encoding="utf-8")
    subprocess.run([node, "--check", file], check=True, timeout=60)
