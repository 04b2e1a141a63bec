"""The page of a slide over HTTP: who may open it, what it tells, and what it remembers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import requests

from wsi_lab.model.answer import NewAnswer, Place, ResultRow
from wsi_lab.model.people import Right
from wsi_lab.model.question import checked_question
from wsi_lab.server.slidescore.page import CONTENT_SECURITY_POLICY, assets

PEOPLE = (
    *("anonymous", "stranger", "viewer", "editor", "study_admin"),
    *("site_admin", "expired", "revoked", "powerless", "elsewhere"),
)
MEMBERS = dict(zip(PEOPLE, (401, 404, 200, 200, 200, 200, 401, 401, 404, 404), strict=True))
HTML = {"Accept": "text/html,application/xhtml+xml"}
HOSTILE = (
    "</script><script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    "\"'`><svg onload=alert(1)>",
    "${data} $name {{7*7}} <!--<script>",
)
POLYGON = {"type": "polygon", "points": [{"x": 1, "y": 1}, {"x": 9, "y": 1}, {"x": 9, "y": 9}]}
EVERY_TYPE = [
    {"x": 5, "y": 6},
    POLYGON,
    {"type": "polyline", "points": [{"x": 0, "y": 0}, {"x": 50, "y": 60}]},
    {"type": "rect", "corner": {"x": 10, "y": 20}, "size": {"x": 30, "y": 40}},
    {"type": "ellipse", "center": {"x": 100, "y": 100}, "size": {"x": 20, "y": 10}},
    {
        "type": "brush",
        "positivePolygons": [[{"x": x, "y": y} for x, y in ((0, 0), (90, 0), (90, 90), (0, 90))]],
        "negativePolygons": [[{"x": x, "y": y} for x, y in ((30, 30), (60, 30), (60, 60))]],
    },
    {"type": "heatmap", "x": 10, "y": 10, "height": 20, "data": [[0, 255], [128, 1]]},
]


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


class PageOf:
    """The page of a slide, opened by somebody."""

    def __init__(self, answer: requests.Response) -> None:
        assert answer.status_code == 200, answer.text
        self.answer = answer
        self.text = answer.content.decode()
        (facts,) = re.findall(
            r'<script type="application/json" id="slide">(.*?)</script>', self.text
        )
        self.told: dict[str, Any] = json.loads(facts)
        self.cookie = answer.headers["Set-Cookie"].partition(";")[0]

    def ask(self, verb: str, below: str, **how: Any) -> requests.Response:
        where = requests.compat.urljoin(
            self.answer.url, f"{self.told['tiles']}/{self.told['token']}/{below}"
        )
        headers = {"Cookie": self.cookie} if how.pop("has_cookie", True) else {}
        return requests.request(verb, where, headers=headers, timeout=30, **how)

    def layers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("GET", "Layers.json").json()["layers"]
        return found


@pytest.fixture
def opened(root_door: Any) -> Any:
    """Open the page of a slide."""

    def open_page(slide: Any, who: str = "viewer", **params: Any) -> PageOf:
        params["imageId"] = slide.id
        return PageOf(root_door.send("GET", "/Image/Details", who, params=params))

    return open_page


def _settings(world: Any, study: Any, **settings: str) -> None:
    now = world.lab.studies.get(world.owner, study.id)
    world.lab.studies.change(world.owner, study.id, revision=now.revision, settings=settings)


def _annos(*sets: Any) -> str:
    return json.dumps([{"color": "#00ff88", "shapes": json.dumps(each)} for each in sets])


@pytest.mark.parametrize("who", MEMBERS)
def test_members_of_the_study_may_open_it(door: Any, world: Any, who: str) -> None:
    params = {"imageId": world.slide.id, "studyId": world.study.id}
    answer = door.send("GET", "/Image/Details", who, params=params)
    assert answer.status_code == MEMBERS[who]
    assert ("Set-Cookie" in answer.headers) == (MEMBERS[who] == 200)


def test_names_of_the_address_and_its_parameters_may_be_in_any_case(door: Any, world: Any) -> None:
    params = {"IMAGEID": world.slide.id, "studyid": world.study.id}
    assert door.send("GET", "/Image/details", params=params).status_code == 200


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({}, 400),
        ({"imageId": "x"}, 400),
        ({"imageId": "999999"}, 404),
        ({"imageId": "<b>"}, 400),
        ({"studyId": "999999"}, 404),
    ],
)
def test_what_is_no_slide_is_refused_in_the_words_of_who_asks(
    door: Any, params: dict[str, str], status: int
) -> None:
    for headers in (HTML, {}):
        answer = door.send("GET", "/Image/Details", params=params, headers=headers)
        assert answer.status_code == status
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        is_page = answer.headers["Content-Type"].startswith("text/html")
        assert is_page == bool(headers)
        assert "<b>" not in answer.text
        assert "cannot be shown" in answer.text if is_page else not answer.json()["success"]


def test_slide_must_be_of_the_study_that_is_named(door: Any, world: Any) -> None:
    other = world.new_study()
    params = {"imageId": world.slide.id, "studyId": other.id}
    assert door.send("GET", "/Image/Details", params=params).status_code == 404
    params = {"studyId": other.id}
    assert door.send("GET", "/Image/Details", params=params).status_code == 404
    slide = world.new_slide(other)
    page = PageOf(door.send("GET", "/Image/Details", params=params))
    assert page.told["tiles"] == f"../i/{slide.id}"


def test_link_of_a_slide_opens_that_page_and_no_other(door: Any, world: Any) -> None:
    viewer = world.lab.people.actor_for_token(world.tokens["viewer"], door="slidescore")
    access = world.lab.grants.slide_page(viewer, world.slide.id).text
    other = world.new_slide()

    def ask(**params: Any) -> requests.Response:
        return door.send("GET", "/Image/Details", "anonymous", params={"access": access, **params})

    assert PageOf(ask(imageId=world.slide.id)).ask("GET", "i.dzi").status_code == 200
    assert ask().status_code == 200
    for params in ({"imageId": other.id}, {"imageId": world.slide.id, "access": access[:-1]}):
        assert ask(**params).status_code == 503
    for path in ("/Api/Studies", "/Api/GetTileServer"):
        params = {"access": access, "imageId": world.slide.id}
        assert door.send("GET", path, "anonymous", params=params).status_code == 401


def test_link_of_a_study_opens_its_slides_until_its_owner_is_no_member(
    door: Any, world: Any
) -> None:
    study = world.new_study()
    slide = world.new_slide(study)
    viewer = world.lab.people.actor_for_token(world.tokens["viewer"], door="slidescore")
    access = world.lab.grants.study_page(viewer, study.id).text

    def status(**params: Any) -> int:
        params["access"] = access
        return door.send("GET", "/Image/Details", "anonymous", params=params).status_code

    assert status(studyId=study.id) == status(imageId=slide.id) == 200
    assert status(studyId=world.study.id) == 503
    assert status(imageId=world.slide.id) == 404
    world.lab.studies.remove_member(world.owner, study.id, "viewer@lab")
    assert status(studyId=study.id) == 404


def test_link_ends_with_its_time(root_door: Any, world: Any) -> None:
    viewer = world.lab.people.actor_for_token(world.tokens["viewer"], door="slidescore")
    access = world.lab.grants.slide_page(viewer, world.slide.id).text
    before = world.clock.ahead
    world.clock.ahead += timedelta(days=15)
    try:
        params = {"access": access, "imageId": world.slide.id}
        answer = root_door.send("GET", "/Image/Details", "anonymous", params=params, headers=HTML)
    finally:
        world.clock.ahead = before
    assert answer.status_code == 503
    assert "not any more" in answer.text
    assert access not in answer.text


def test_tiles_need_the_cookie_of_the_page_which_is_sent_nowhere_else(
    door: Any, world: Any
) -> None:
    params = {"imageId": world.slide.id}
    page = PageOf(door.send("GET", "/Image/Details", "viewer", params=params))
    set_cookie = page.answer.headers["Set-Cookie"]
    attributes = {part.strip().lower() for part in set_cookie.split(";")[1:]}
    path = f"path={door.mount}i/{world.slide.id}/{page.told['token']}"
    assert {"httponly", "samesite=strict", path.lower()} <= attributes
    assert "secure" not in attributes
    assert page.cookie.partition("=")[2] not in page.text
    assert page.ask("GET", "i_files/12/0_0.jpeg").status_code == 200
    assert page.ask("GET", "Layers.json").status_code == 200
    for below in ("i_files/12/0_0.jpeg", "Layers.json"):
        assert page.ask("GET", below, has_cookie=False).status_code == 503
    assert page.ask("POST", "Viewing.json", has_cookie=False, data="{}").status_code == 503


def test_policy_and_addresses_let_nothing_in_from_elsewhere(opened: Any, world: Any) -> None:
    page = opened(world.slide)
    assert page.answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert page.answer.headers["Cache-Control"] == "no-store"
    assert page.answer.headers["Referrer-Policy"] == "no-referrer"
    for tag, attributes in Outline(page.text).elements:
        assert tag != "style"
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        if tag == "script":
            assert "src" in attributes or attributes["type"] == "application/json"
        for name in ("src", "href"):
            assert re.fullmatch(r"(assets/[\w.]+(\?v=\w+)?)?", attributes.get(name) or "")


def test_assets_are_for_everybody_and_kept(door: Any) -> None:
    for name, is_kept in (("view.mjs", True), ("openseadragon.min.js", False)):
        params = {"v": assets.version} if is_kept else {}
        answer = door.send("GET", f"/Image/assets/{name}", "anonymous", params=params)
        assert answer.content == assets[name]
        assert ("immutable" in answer.headers["Cache-Control"]) == is_kept
        again = door.send(
            "GET",
            f"/Image/assets/{name}",
            "anonymous",
            headers={"If-None-Match": answer.headers["Etag"]},
        )
        assert again.status_code == 304
    for name in ("main.mjs", "..%2fpage.py", "view.html"):
        assert door.send("GET", f"/Image/assets/{name}", "anonymous").status_code == 404


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_name_or_description_becomes_markup(opened: Any, world: Any, hostile: str) -> None:
    study = world.new_study()
    slide = world.new_slide(study)
    world.lab.slides.set_description(world.owner, slide.id, "<p>plain</p>")
    harmless = Outline(opened(slide).text)
    world.lab.slides.rename(world.owner, slide.id, hostile)
    world.lab.slides.set_description(world.owner, slide.id, hostile.replace("<", "&lt;"))
    page = opened(slide)
    outline = Outline(page.text)
    assert outline.elements == harmless.elements
    assert outline.text_of("title") == hostile
    shown = " ".join(text for tag, text in outline.texts if tag == "p")
    assert " ".join(hostile.split()) in shown


def test_description_is_shown_as_text_in_lines(opened: Any, world: Any) -> None:
    slide = world.new_slide()
    said = '<h1>HER2</h1><ul><li>3+</li><li>a <a href="https://x.example">b</a></li></ul>'
    world.lab.slides.set_description(world.owner, slide.id, said)
    assert '<p id="description">HER2\n• 3+\n• a b</p>' in opened(slide).text
    assert "x.example" not in opened(slide).text


@pytest.mark.parametrize(("value", "is_hidden"), [("true", True), ("1", True), ("false", False)])
def test_study_may_hide_names_from_who_may_not_edit(
    opened: Any, world: Any, value: str, is_hidden: bool
) -> None:
    study = world.new_study()
    slide = world.new_slide(study)
    _settings(world, study, hideslidenames=value)
    rights = ["view", "results"]
    world.lab.studies.set_member(world.owner, study.id, "viewer@lab", rights)
    assert (slide.name in opened(slide, "viewer").text) != is_hidden
    assert slide.name in opened(slide, "editor").text
    if is_hidden:
        assert Outline(opened(slide, "viewer").text).text_of("title") == f"Slide {slide.id}"


def test_page_tells_scale_pyramid_and_rotation(opened: Any, world: Any) -> None:
    slide = world.new_slide()
    world.lab.slides.set_rotation(world.owner, slide.id, 90)
    page = opened(slide)
    told = page.told
    assert (told["width"], told["height"], told["tileSize"]) == (2220, 2967, 240)
    assert (told["mpp"], told["objective"], told["rotation"]) == (0.499, 20.0, 90)
    assert "turned by 90° clockwise" in page.text


def _tma(world: Any) -> Any:
    slide = world.new_slide()
    name = f"{world.name()}.map"
    made = world.lab.tma_maps.create(world.owner, world.study.id, name, "A1\tA2\tS7\nB1\tS7\t\n")
    return world.lab.tma_maps.assign(world.owner, world.study.id, slide.id, made.name)


@pytest.mark.parametrize(
    ("params", "words", "column", "row"),
    [
        ({"tmaRow": 1, "tmaCol": 0}, "row 2, column 1 (B1)", 0, 1),
        ({"tmaSample": "S7"}, "row 1, column 3 (S7)", 2, 0),
        ({"tmarow": 1, "TMACOL": 2}, "row 2, column 3", 2, 1),
    ],
)
def test_core_lies_on_an_even_grid(
    opened: Any, world: Any, params: Any, words: str, column: int, row: int
) -> None:
    core = opened(_tma(world), **params).told["core"]
    assert core["words"] == words
    assert core["box"] == [column * 740, row * 1483.5, 740, 1483.5]


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"tmaRow": 0}, 400),
        ({"tmaRow": 0, "tmaCol": 0, "tmaSample": "A1"}, 400),
        ({"tmaRow": 2, "tmaCol": 0}, 404),
        ({"tmaRow": 0, "tmaCol": -1}, 404),
        ({"tmaSample": "nobody"}, 404),
    ],
)
def test_core_that_is_not_there_is_refused(
    root_door: Any, world: Any, params: Any, status: int
) -> None:
    slide = _tma(world)
    params["imageId"] = slide.id
    assert root_door.send("GET", "/Image/Details", params=params).status_code == status


def test_slide_without_a_map_has_no_cores(root_door: Any, world: Any) -> None:
    params = {"imageId": world.slide.id, "tmaRow": 0, "tmaCol": 0}
    answer = root_door.send("GET", "/Image/Details", params=params)
    assert (answer.status_code, "TMA map" in answer.text) == (404, True)


def test_every_type_of_shape_is_drawn_from_the_address(opened: Any, world: Any) -> None:
    (layer,) = opened(world.slide, annos=_annos(EVERY_TYPE)).told["drawn"]
    assert (layer["colour"], layer["count"], layer["leftOut"]) == ("#00ff88", 7, 0)
    assert layer["points"] == [5, 6]
    closed = [each["rings"] for each in layer["outlines"] if each["closed"]]
    assert [len(rings) for rings in closed] == [1, 1, 1, 2]
    assert [each["rings"] for each in layer["outlines"] if not each["closed"]] == [[[0, 0, 50, 60]]]
    (heat,) = layer["heats"]
    assert (heat["box"], heat["columns"], heat["rows"]) == ([10, 10, 20, 20], 2, 2)
    assert heat["values"] == "AP+AAQ=="


def test_shapes_without_coordinates_are_counted_and_left_out(opened: Any, world: Any) -> None:
    holed = {"type": "rect", "corner": {"x": None, "y": 1}, "size": {"x": 2, "y": 2}}
    layers = opened(world.slide, annos=_annos([holed, POLYGON], [])).told["drawn"]
    assert [(each["count"], each["leftOut"]) for each in layers] == [(2, 1), (0, 0)]


@pytest.mark.parametrize(
    "annos",
    [
        "x",
        "{}",
        "[1]",
        "[{}]",
        '[{"color": "red", "shapes": "[]"}]',
        '[{"color": "#ff0000;background:url(x)", "shapes": "[]"}]',
        '[{"color": "#ff0000", "shapes": []}]',
        '[{"color": "#ff0000", "shapes": "[1e999]"}]',
        '[{"color": "#ff0000", "shapes": "[{\\"x\\": 1e999, \\"y\\": 1}]"}]',
        '[{"color": "#ff0000", "shapes": "alert(1)"}]',
        json.dumps([{"color": "#ff0000", "shapes": "[" * 500 + "]" * 500}]),
        json.dumps([{"color": "#ff0000", "shapes": "[]"}] * 51),
    ],
)
def test_hostile_annotations_are_refused(root_door: Any, world: Any, annos: str) -> None:
    params = {"imageId": world.slide.id, "annos": annos}
    answer = root_door.send("GET", "/Image/Details", params=params, headers=HTML)
    assert answer.status_code == 400
    assert "Set-Cookie" not in answer.headers
    assert "<script" not in answer.text


def test_words_of_annotations_stay_words(opened: Any, world: Any) -> None:
    label = {"label": HOSTILE[0], "x": 1, "y": 2, "whenToShow": "mouseover", "fontSize": 20}
    page = opened(world.slide, annos=_annos([{**POLYGON, "labels": [label]}]))
    (words,) = page.told["drawn"][0]["words"]
    assert (words["text"], words["always"], words["height"]) == (HOSTILE[0], False, 20)
    assert words["box"] == [1, 1, 8, 8]
    assert Outline(page.text).elements == Outline(opened(world.slide).text).elements


@pytest.fixture
def drawn(world: Any) -> Any:
    """A slide on which the viewer and somebody else have drawn."""
    study = world.new_study()
    slide = world.new_slide(study)
    rights = [Right.VIEW, Right.SCORE]
    world.lab.studies.set_member(world.owner, study.id, "viewer@lab", rights)
    spec = checked_question("Tumour", "AnnoShapes", "#ff8800")
    world.lab.questions.add(world.owner, study.id, spec)
    viewer = world.lab.people.actor_for_token(world.tokens["viewer"], door="slidescore")
    value = json.dumps([POLYGON, {**POLYGON, "type": "polyline"}])
    new = NewAnswer("Tumour", Place(slide.id), "viewer@lab", value)
    world.lab.results.submit(viewer, study.id, new)
    row = ResultRow(slide.id, "a model", "Tumour", json.dumps([POLYGON]))
    world.lab.results.import_rows(world.owner, study.id, [row])
    return slide


def test_readers_see_what_they_drew_and_who_sees_results_sees_all(opened: Any, drawn: Any) -> None:
    (own,) = opened(drawn, "viewer").layers()
    assert (own["title"], own["author"], own["colour"]) == ("Tumour", "viewer@lab", "#ff8800")
    assert (own["count"], len(own["outlines"])) == (2, 2)
    assert {each["author"] for each in opened(drawn, "study_admin").layers()} == {
        "a model",
        "viewer@lab",
    }
    assert opened(drawn, "editor").layers() == []


def test_leave_to_see_layers_ends_with_membership(opened: Any, world: Any, drawn: Any) -> None:
    page = opened(drawn, "viewer")
    world.lab.studies.remove_member(world.owner, drawn.study_id, "viewer@lab")
    assert page.ask("GET", "Layers.json").status_code == 503
    told = json.dumps({"session": None, "events": []})
    assert page.ask("POST", "Viewing.json", data=told).status_code == 503


def test_what_was_looked_at_is_a_session_of_who_opened_the_page(opened: Any, world: Any) -> None:
    slide = world.new_slide()
    page = opened(slide, "viewer")
    events = [[0, 0, 0, 2220, 2967, 5, 5], [900, 10, 10, 100, 100, 6, 6]]
    begun = page.ask("POST", "Viewing.json", json={"session": None, "events": events[:1]})
    session = begun.json()["session"]
    more = page.ask("POST", "Viewing.json", json={"session": session, "events": events[1:]})
    assert more.json() == {"session": session}
    sessions = world.lab.sessions
    (found,) = sessions.list(world.owner, world.study.id, slide_id=slide.id)
    assert (found.id, found.email, found.length_ms) == (session, "viewer@lab", 900)
    stored = sessions.events(world.owner, world.study.id, session)
    assert [list(each) for each in stored] == events
    others = opened(slide, "editor").ask(
        "POST", "Viewing.json", json={"session": session, "events": events}
    )
    assert others.status_code == 503
    assert len(sessions.events(world.owner, world.study.id, session)) == 2


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        '{"events": [[1, 2]]}',
        '{"events": [["a", 0, 0, 0, 0, 0, 0]]}',
        '{"events": [[-1, 0, 0, 1, 1, 0, 0]]}',
        '{"events": [], "session": "1"}',
        '{"events": [], "more": 1}',
        "\udcff",
    ],
)
def test_what_is_no_event_is_not_remembered(opened: Any, world: Any, body: str) -> None:
    slide = world.new_slide()
    data = body.encode(errors="surrogateescape")
    answer = opened(slide).ask("POST", "Viewing.json", data=data)
    assert answer.status_code == 400
    assert not world.lab.sessions.list(world.owner, world.study.id, slide_id=slide.id)


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("no Node.js on this machine")
    return found


def test_script_is_one_module_that_imports_nothing(node: str, tmp_path: Path) -> None:
    script = assets["view.mjs"].decode()
    assert not re.findall(r"^(?:import|export) .*", script, re.MULTILINE)
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert forbidden not in script
    file = tmp_path / "view.mjs"
    file.write_text(script, encoding="utf-8")
    subprocess.run([node, "--check", file], check=True, timeout=60)


def test_parts_hold_to_their_own_tests(node: str, repository: Path) -> None:
    done = subprocess.run(
        [node, "--test", "--test-reporter=tap", "tests/server/slidescore/front/"],
        check=False,
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, re.findall(r"^not ok .*", done.stdout, re.MULTILINE)
    assert int(re.findall(r"^# pass (\d+)", done.stdout, re.MULTILINE)[0]) >= 15
