"""Drawings as PHAS renders them to SVG."""

from __future__ import annotations

import json
import re
import time
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
import pytest
from defusedxml.ElementTree import fromstring

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats import phas_svg
from wsi_lab.formats.paper_curves import PaperText, drawn_items
from wsi_lab.formats.phas_svg import rendering
from wsi_lab.formats.phas_svg.path_data import numbers_of, subpaths_of
from wsi_lab.formats.phas_svg.rendering import render

SVG = "{http://www.w3.org/2000/svg}"
CURVED = [
    [[100, 200], [0, 0], [30, 0]],
    [[200, 250], [-10, -20], [10, 20]],
    [[150, 400.5], [5, 0], [0, 0]],
]


def drawing(*items: Any, **layer: Any) -> str:
    return json.dumps([["Layer", {"applyMatrix": True, **layer, "children": list(items)}]])


def path(segments: Any, **members: Any) -> list[Any]:
    return ["Path", {"applyMatrix": True, "segments": segments, **members}]


def text(x: float, y: float, content: str, **members: Any) -> list[Any]:
    return ["PointText", {"matrix": [1, 0, 0, 1, x, y], "content": content, **members}]


def elements(svg: bytes) -> list[Element]:
    root = fromstring(svg)
    assert root.tag == f"{SVG}svg"
    return list(root)


def rendered(*items: Any, width: int = 1000, height: int = 800, **said: Any) -> list[Element]:
    return elements(render(drawing(*items), width, height, **said))


def test_a_path_is_a_move_and_relative_curves() -> None:
    (element,) = rendered(path(CURVED), stroke_width=7)
    assert element.tag == f"{SVG}path"
    assert element.attrib == {
        "d": "M100,200c30,0 90,30 100,50 10,20 -45,150.5 -50,150.5",
        "fill": "none",
        "stroke": "#000",
        "stroke-width": "7",
    }


def test_curves_go_where_paper_says() -> None:
    (element,) = rendered(path(CURVED))
    (subpath,) = subpaths_of(element.get("d", ""))
    (curves,) = subpath.curves
    segments = np.array(CURVED)
    for number, curve in enumerate(curves):
        before, after = segments[number], segments[number + 1]
        expected = [before[0], before[0] + before[2], after[0] + after[1], after[0]]
        assert np.allclose(curve, expected)


def test_bare_segments_and_selected_ones_work() -> None:
    bare = [[1, 2], [3, 5], [3.25, 5]]
    full = [[[x, y], [0, 0], [0, 0]] for x, y in bare]
    mixed = [bare[0], [*full[1], 7], full[2]]
    drawn = {rendered(path(each))[0].get("d") for each in (bare, full, mixed)}
    assert drawn == {"M1,2c0,0 2,3 2,3 0,0 0.25,0 0.25,0"}


def test_own_colours_widths_and_closing_are_ignored() -> None:
    own = {"closed": True, "strokeColor": [1, 0, 0], "strokeWidth": 9, "fillColor": [0, 1, 0]}
    assert render(drawing(path(CURVED, **own)), 500, 500) == render(drawing(path(CURVED)), 500, 500)
    (element,) = rendered(path(CURVED, closed=True))
    assert "z" not in element.get("d", "").lower()
    assert element.get("stroke-width") == "480"


@pytest.mark.parametrize(
    "segments",
    [
        [],
        None,
        "here",
        [[1, None], [3, 4]],
        [[[1, 2], None, [0, 0]], [[5, 6], [0, 0], [0, 0]]],
        [[[1, 2], [0, 0], [0, "7"]], [[5, 6], [0, 0], [0, 0]]],
        [["1", "2"], ["3", "4"]],
        [[True, False], [3, 4]],
        [[1], [2]],
        [[1e300, 2], [3, 4]],
        {"a": 1},
    ],
)
def test_paths_with_anything_but_numbers_are_left_out(segments: Any) -> None:
    found = rendered(path(segments), path([[1, 2], [3, 4]]), ["Path", {"closed": True}])
    assert [each.get("d") for each in found] == ["M1,2c0,0 2,2 2,2"]


def test_a_path_of_one_segment_is_a_move() -> None:
    assert rendered(path([[4, 5]]))[0].get("d") == "M4,5"
    assert rendered(path([[4, 5]]), strip_width=3) == []


@pytest.mark.parametrize("nothing", ["", "  \n", "[]", "{}", "[[]]", '[["Layer", {}]]', "7", '"x"'])
def test_nothing_drawn_is_an_empty_picture_of_the_right_size(nothing: str) -> None:
    root = fromstring(render(nothing, 123, 45))
    assert (root.get("width"), root.get("height"), len(root)) == ("123", "45", 0)
    root = fromstring(render(nothing, 1000, 333, downsample=100))
    assert (root.get("width"), root.get("height")) == ("100", "33")


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(Invalid):
        render("{nonsense", 10, 10)
    with pytest.raises(Invalid):
        render("[" * 100 + "]" * 100, 10, 10)


def test_a_marker_is_a_text_where_its_matrix_says() -> None:
    (element,) = rendered(
        ["PointText", {"matrix": [0, 1, -1, 0, 12.5, 30], "content": "CD3+", "fontSize": 50}],
        font_size="30px",
        font_color="#12aBcd",
    )
    assert element.tag == f"{SVG}text"
    assert element.text == "CD3+"
    assert element.attrib == {
        "x": "12.5",
        "y": "30",
        "fill": "#12aBcd",
        "stroke": "#12aBcd",
        "font-size": "30px",
    }
    (by_default,) = rendered(text(1, 2, "+"))
    assert (by_default.get("fill"), by_default.get("font-size")) == ("black", "2000px")


class TestScaled:
    def test_everything_becomes_smaller(self) -> None:
        svg = render(
            drawing(path([[100, 200], [300, 240]]), text(50, 60, "a")),
            2000,
            1001,
            downsample=200,
            stroke_width=55,
            font_size="2046px",
        )
        root = fromstring(svg)
        assert (root.get("width"), root.get("height")) == ("200", "100")
        outline, marker = root
        assert outline.get("d") == "M10,20c0,0 20,4 20,4"
        assert outline.get("stroke-width") == "5"
        assert (marker.get("x"), marker.get("y")) == ("5", "6")
        assert marker.get("font-size") == "205px"

    def test_it_may_become_larger(self) -> None:
        svg = render(
            drawing(path([[1, 2], [3, 4]])), 100, 50, downsample=400, stroke_width=3, font_size="2"
        )
        root = fromstring(svg)
        assert (root.get("width"), root.get("height")) == ("400", "200")
        assert root[0].get("d") == "M4,8c0,0 8,8 8,8"
        assert root[0].get("stroke-width") == "12"

    def test_lines_and_strips_do_not_vanish(self) -> None:
        (outline,) = rendered(path(CURVED), downsample=10, stroke_width=20)
        assert outline.get("stroke-width") == "1"
        strips = rendered(
            path([[0, 0], [[1000, 0], [-9, 0], [0, 0]]]), downsample=10, strip_width=3
        )
        assert numbers_of(re.sub("[a-zA-Z]", " ", strips[0].get("d", "")))[9] == 1

    def test_without_strips_there_are_none(self) -> None:
        assert rendered(path(CURVED), downsample=10, strip_width=0)[0].get("fill") == "none"

    def test_rounding_does_not_add_up(self) -> None:
        bare = [[number * 0.333333, 7] for number in range(3001)]
        (element,) = rendered(path(bare), downsample=997)
        (subpath,) = subpaths_of(element.get("d", ""))
        end = subpath.curves[-1][-1, 3]
        assert np.abs(end - np.array(bare[-1]) * 0.997).max() < 1e-4


class TestStrips:
    def test_each_curve_has_one_along_either_side(self) -> None:
        found = rendered(path(CURVED), strip_width=10)
        assert [each.get("fill") for each in found] == ["#ddd", "#aaa"] * 2
        assert {each.get("stroke") for each in found} == {"none"}

    def test_they_go_along_the_curve_and_back_beside_it(self) -> None:
        segments = [[[0, 0], [0, 0], [30, 0]], [[90, 60], [0, -40], [0, 0]]]
        for element, sign in zip(rendered(path(segments), strip_width=10), (1, -1), strict=True):
            (subpath,) = subpaths_of(element.get("d", ""))
            there, across, back, home = np.concatenate(subpath.curves)
            assert np.allclose(there, [(0, 0), (30, 0), (90, 20), (90, 60)])
            # At the start it goes to the right, at the end down: its sides lie upright on that.
            assert np.allclose(across[3], (90 - 10 * sign, 60))
            assert np.allclose(back[3], (0, 10 * sign))
            assert np.allclose(back[1] - back[0], there[2] - there[3])
            assert np.allclose(back[2] - back[3], there[1] - there[0])
            assert np.allclose(home[3], (0, 0))

    def test_without_a_handle_there_is_no_way_aside(self) -> None:
        (one, other) = rendered(path([[0, 0], [[50, 0], [-10, 0], [0, 0]]]), strip_width=10)
        for element, sign in ((one, 1), (other, -1)):
            (subpath,) = subpaths_of(element.get("d", ""))
            _, across, back, _ = np.concatenate(subpath.curves)
            assert np.allclose(across[3], (50, 10 * sign))
            assert np.allclose(back[3], (0, 0))

    def test_markers_stay_texts(self) -> None:
        assert [each.tag for each in rendered(text(1, 2, "a"), strip_width=5)] == [f"{SVG}text"]


class TestWhichItems:
    def test_all_layers_and_what_is_in_groups(self) -> None:
        inner = ["Group", {"children": [path([[1, 1], [2, 2]]), text(5, 5, "in")]}]
        compound = ["CompoundPath", {"children": [path([[3, 3], [4, 4]]), path([[5, 5], [6, 6]])]}]
        layers = [
            ["Layer", {"children": [inner, ["Raster", {}], 7, None]}],
            ["Layer", {"children": [compound, ["Group", {"children": [inner]}]]}],
        ]
        found = elements(render(json.dumps(layers), 100, 100))
        assert [each.get("d", "text")[:4] for each in found] == [
            *("M1,1", "text", "M3,3", "M5,5", "M1,1", "text"),
        ]

    def test_matrices_of_groups_move_what_is_in_them(self) -> None:
        group = ["Group", {"matrix": [0, 2, -2, 0, 100, 50], "children": [
            path([[[10, 0], [0, 0], [5, 1]], [20, 0]]), text(3, 4, "a")
        ]}]  # fmt: skip
        outline, marker = rendered(group)
        assert outline.get("d") == "M100,70c-2,10 0,20 0,20"
        assert (marker.get("x"), marker.get("y")) == ("92", "56")

    @pytest.mark.parametrize(
        "shell",
        ['["Layer", %s]', '[["Layer", %s]]', '[[["Layer", %s]]]',
         '[["dictionary", {"#1": ["Gradient", {}]}], [["Layer", %s]]]'],
    )  # fmt: skip
    def test_whatever_is_around_the_layer(self, shell: str) -> None:
        layer = json.dumps({"children": [path([[1, 2], [3, 4]])]})
        assert len(elements(render(shell % layer, 10, 10))) == 1

    def test_a_text_may_state_its_point(self) -> None:
        found = list(drawn_items(drawing(["PointText", {"point": [3, 4], "content": "a"}])))
        assert found == [PaperText(3, 4, "a")]

    @pytest.mark.parametrize(
        "members",
        [
            {},
            {"content": "a"},
            {"matrix": [1, 0, 0, 1, 5], "content": "a"},
            {"matrix": [1, 0, 0, 1, None, 5], "content": "a"},
            {"matrix": [1, 0, 0, 1, 5, 5], "content": 7},
            {"point": ["1", "2"], "content": "a"},
        ],
    )
    def test_texts_that_lie_nowhere_are_left_out(self, members: Any) -> None:
        assert rendered(["PointText", members]) == []


class TestHostile:
    def test_texts_stay_texts(self) -> None:
        nasty = "</text><script>alert(1)</script>&amp;\"'\0\x1b\ud800".encode(errors="ignore")
        (element,) = rendered(text(1, 2, nasty.decode()))
        assert len(element) == 0
        assert (element.text or "").startswith("</text><script>alert(1)</script>&amp;\"'")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("font_size", '9px" onload="alert(1)'),
            ("font_size", "9px;x:y"),
            ("font_size", "px"),
            ("font_size", ""),
            ("font_size", "1e9px"),
            ("font_size", "9" * 500),
            ("font_color", 'red" onload="alert(1)'),
            ("font_color", "url(http://elsewhere/a.svg)"),
            ("font_color", "url(#x)"),
            ("font_color", "red;fill:blue"),
            ("font_color", "<b>"),
            ("font_color", ""),
            ("stroke_width", float("nan")),
            ("stroke_width", float("inf")),
            ("stroke_width", -1),
            ("strip_width", -1),
            ("strip_width", 1e300),
            ("downsample", 10**9),
        ],
    )
    def test_styles_that_are_none_are_refused(self, name: str, value: Any) -> None:
        with pytest.raises(Invalid) as caught:
            rendered(text(1, 2, "a"), **{name: value})
        assert len(caught.value.problems) == 1

    def test_colours_of_every_kind_are_taken(self) -> None:
        for colour in ("Red", "#fff", "#A0b1c2d3", "rgb(1, 2, 3)", "hsla(120deg, 50%, 50%, .5)"):
            assert rendered(text(1, 2, "a"), font_color=f" {colour} ")[0].get("fill") == colour

    def test_large_drawings_take_seconds(self) -> None:
        random = np.random.default_rng(0)
        segments = random.integers(-99_999, 99_999, (200, 1000, 3, 2)) / 8
        large = drawing(*map(path, segments.tolist()))
        assert len(large) > 10_000_000
        started = time.process_time()
        assert len(elements(render(large, 100_000, 100_000))) == 200
        with pytest.raises(TooLarge):
            render(large, 100_000, 100_000, strip_width=9)
        assert time.process_time() - started < 60

    def test_many_groups_in_each_other_take_seconds(self) -> None:
        many = ",".join(['["Path",{"segments":[[1,2],[3,4]]}]'] * 40_000)
        deep = '["Group",{"children":[' * 18 + many + "]}]" * 18
        started = time.process_time()
        assert len(elements(render(f"[{deep}]", 10, 10))) == 40_000
        assert time.process_time() - started < 60

    @pytest.mark.parametrize(
        ("limit", "most", "said"),
        [
            ("MOST_SHAPES", 19, {}),
            ("MOST_CURVES", 59, {}),
            ("MOST_STRIPS", 59, {"strip_width": 1}),
        ],
    )
    def test_more_than_anybody_draws_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, limit: str, most: int, said: Any
    ) -> None:
        items = [path([[1, 2], [3, 4], [5, 6], [7, 8]])] * 20
        assert rendered(*items, **said)
        monkeypatch.setattr(rendering, limit, most)
        with pytest.raises(TooLarge):
            rendered(*items, **said)


def test_our_own_reader_understands_it() -> None:
    svg = render(drawing(path([[10, 20], [30, 40]]), text(5, 6, "mitosis")), 100, 100)
    document = phas_svg.read(svg)
    assert [feature.geometry.geom_type for feature in document.features] == ["LineString", "Point"]
    assert document.features[1].labels == ("mitosis",)
