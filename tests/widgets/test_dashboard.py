"""The kernel's half of the dashboard; the browser's is in tests/browser."""

from __future__ import annotations

import time

import geopandas as gpd
import httpx
import ipywidgets
import pytest
import shapely
from overviews import StudyInMemory, all_answers, large_study

from wsi_lab.client.slide import Slide
from wsi_lab.client.tma_maps import TmaMap
from wsi_lab.errors import NotAllowed, NotFound
from wsi_lab.model.question import QuestionKind
from wsi_lab.widgets import Dashboard
from wsi_lab.widgets.differences import ROWS

HOSTILE = "<img src=x onerror=alert(1)>"
KINDS = {
    "Remarks": QuestionKind.FREE_TEXT,
    "TIL %": QuestionKind.PERCENTAGE_ONLY,
    "Grade": QuestionKind.DROP_DOWN,
    "tissue": QuestionKind.ANNO_SHAPES,
}


def about(slide, reader, question, answer, core=(None, None)):
    return (None, slide.name, slide.id, *core, reader, question, answer)


@pytest.fixture
def study(new_slide):
    """Two slides that two readers have read, of which they differ on the second."""
    slides = [new_slide(id=number, name=f"slide {number}", case_id=7) for number in (1, 2)]
    one, two = slides
    rows = [
        about(one, "anna@lab", "TIL %", "10"),
        about(one, "ben@lab", "TIL %", "20"),
        about(two, "anna@lab", "TIL %", "5"),
        about(two, "ben@lab", "TIL %", "90"),
        about(two, "anna@lab", "Grade", "1"),
        about(two, "ben@lab", "Grade", "3"),
        about(one, "anna@lab", "tissue", "[]"),
        about(one, "ben@lab", "tissue", '[{"type": "polygon"}]'),
    ]
    readers = ["anna@lab", "ben@lab"]
    return StudyInMemory(KINDS, slides=slides, readers=readers, rows=rows)


def parts(widget, kind):
    """Return all widgets of a kind, in the order they are shown in."""
    found = [widget] if isinstance(widget, kind) else []
    for each in getattr(widget, "children", ()):
        found += parts(each, kind)
    return found


def text(widget):
    """Return all HTML and words that are shown."""
    return "\n".join(each.value for each in parts(widget, (ipywidgets.HTML, ipywidgets.Label)))


def rows(dashboard):
    """Return the buttons of the list."""
    return [
        each for each in parts(dashboard, ipywidgets.Button) if "readers" in (each.tooltip or "")
    ]


def button(dashboard, word):
    return next(each for each in parts(dashboard, ipywidgets.Button) if word in each.description)


def choice(dashboard, word):
    return next(each for each in parts(dashboard, ipywidgets.Dropdown) if word in each.description)


def test_bars_have_numbers_beside_them(study):
    shown = text(Dashboard(study))
    assert '<progress aria-label="anna@lab" value="4" max="6"' in shown
    assert "4 of 6 (66 %)" in shown
    assert "8 of 12 (66 %)" in shown
    # Of Grade two are missing, of the others two or none.
    assert [line.split("</td>")[0] for line in shown.split('px 0">')].count("2 of 4") == 2


def test_time_is_shown_only_where_it_is_kept(study):
    assert "time spent" not in text(Dashboard(study))
    study.seconds = {"anna@lab": 3720.0}
    assert "1 h 02 min" in text(Dashboard(study))


def test_list_is_of_the_question_that_is_chosen(study):
    dashboard = Dashboard(study)
    assert dashboard.question == "TIL %"
    assert [each.description for each in rows(dashboard)] == ["slide 2", "slide 1"]
    assert rows(dashboard)[0].tooltip.startswith("2 readers, 5 to 90, 100% of pairs differ")
    choice(dashboard, "Differences").value = "Grade"
    assert dashboard.question == "Grade"
    assert [each.description for each in rows(dashboard)] == ["slide 2"]
    dashboard.question = "TIL %"
    assert choice(dashboard, "Differences").value == "TIL %"
    assert choice(dashboard, "Differences").options == ("TIL %", "Grade", "tissue")


def test_question_can_be_named_and_must_be_one_to_differ_on(study):
    assert Dashboard(study, "Grade").question == "Grade"
    for wrong in ("Stage", "Remarks"):
        with pytest.raises(NotFound, match=wrong):
            Dashboard(study, wrong)


def test_row_opens_its_slide_and_says_who_said_what(study):
    dashboard = Dashboard(study)
    assert dashboard.viewer is None
    rows(dashboard)[1].click()
    assert dashboard.viewer.slide.name == "slide 1"
    shown = text(dashboard)
    assert "slide 1: TIL %" in shown
    assert shown.index("anna@lab</th><td", shown.index("slide 1: TIL %")) > 0
    assert [each.description for each in rows(dashboard)] == ["slide 2", "▸ slide 1"]
    before = dashboard.viewer
    rows(dashboard)[0].click()
    assert dashboard.viewer.slide.name == "slide 2"
    assert before.comm is None
    assert before.map.comm is None
    assert [each.description for each in rows(dashboard)] == ["▸ slide 2", "slide 1"]


def test_another_question_is_told_of_the_slide_that_is_open(study):
    dashboard = Dashboard(study)
    rows(dashboard)[0].click()
    viewer = dashboard.viewer
    dashboard.question = "Grade"
    assert "slide 2: Grade" in text(dashboard)
    assert dashboard.viewer is viewer
    assert [each.description for each in rows(dashboard)] == ["▸ slide 2"]


def test_what_is_drawn_is_shown_on_the_slide(study):
    dashboard = Dashboard(study, "tissue")
    rows(dashboard)[0].click()
    assert [each["layer"] for each in dashboard.viewer._companion.shown] == [9]
    assert "1 shape<" in text(dashboard)
    assert "0 shapes<" in text(dashboard)


def test_core_is_what_the_slide_opens_at(study, new_slide, monkeypatch):
    slide = new_slide(id=1, name="slide 1", width=2200, height=3000, tma_map_id=5)
    tma = TmaMap(id=5, study_id=1, name="map", text="", row_count=3, column_count=2, revision=1,
        connection=slide.connection)  # fmt: skip
    study.slides, study.maps, study.cores = [slide], {5: tma}, {5: [(1, 1), (2, 0)]}
    study.rows = [
        about(slide, reader, "Grade", grade, (1, 1))
        for reader, grade in (("anna@lab", "1"), ("ben@lab", "2"))
    ]
    cores = gpd.GeoDataFrame(
        {"row": [1, 2], "column": [1, 0]},
        geometry=[shapely.box(1100, 1000, 2200, 2000), shapely.box(0, 2000, 1100, 3000)],
    )
    monkeypatch.setattr(Slide, "cores", lambda _slide: cores)
    dashboard = Dashboard(study, "Grade")
    assert [each.description for each in rows(dashboard)] == ["slide 1, core in row 2, column 2"]
    rows(dashboard)[0].click()
    assert dashboard.viewer.center == (1650, 1500)
    assert 2 < dashboard.viewer.downsample < 4


def test_case_offers_its_slides_one_after_the_other(study):
    study.scores_cases, study.cases = True, {7: "A"}
    study.rows = [
        ("A", None, None, None, None, reader, "Grade", grade)
        for reader, grade in (("anna@lab", "1"), ("ben@lab", "2"))
    ]
    dashboard = Dashboard(study, "Grade")
    rows(dashboard)[0].click()
    slides = choice(dashboard, "Slide")
    assert slides.layout.display is None
    assert dashboard.viewer.slide.name == "slide 1"
    slides.value = 2
    assert dashboard.viewer.slide.name == "slide 2"


def test_case_without_slides_still_says_who_said_what(study):
    study.slides, study.cases = [], {7: "A"}
    study.rows = [
        ("A", None, None, None, None, reader, "Grade", grade)
        for reader, grade in (("anna@lab", "1"), ("ben@lab", "2"))
    ]
    dashboard = Dashboard(study, "Grade")
    rows(dashboard)[0].click()
    assert dashboard.viewer is None
    assert "There is no slide of it." in text(dashboard)
    assert "A: Grade" in text(dashboard)


def test_slide_of_another_lab_is_a_picture(study, new_slide):
    study.slides = [new_slide(id=number, browser_url=None) for number in (1, 2)]
    dashboard = Dashboard(study)
    rows(dashboard)[0].click()
    assert dashboard.viewer is None
    (picture,) = parts(dashboard, ipywidgets.Image)
    assert bytes(picture.value).startswith(b"\x89PNG")


def test_slide_that_cannot_be_shown_is_told_as_a_sentence(study, new_slide):
    def refuse(request):
        return httpx.Response(422, json={"code": "slide_missing", "detail": "The file is gone."})

    study.slides = [new_slide(id=number, answering=refuse) for number in (1, 2)]
    dashboard = Dashboard(study)
    rows(dashboard)[0].click()
    assert '<div role="alert">' in text(dashboard)
    assert "anna@lab</th>" in text(dashboard)


def test_refresh_reads_anew_and_leaves_open_what_is_open(study):
    dashboard = Dashboard(study)
    rows(dashboard)[0].click()
    viewer = dashboard.viewer
    one, two = study.slides
    study.rows += [about(one, "anna@lab", "Grade", "1"), about(two, "carl@lab", "TIL %", "7")]
    study.kinds = {**KINDS, "Sure": QuestionKind.CHECKBOX}
    button(dashboard, "Refresh").click()
    assert "5 of 8 (62 %)" in text(dashboard)
    assert "carl@lab" in text(dashboard)
    assert dashboard.viewer is viewer
    assert dashboard.question == "TIL %"
    assert "Sure" in choice(dashboard, "Differences").options
    assert [each.description for each in rows(dashboard)] == ["▸ slide 2", "slide 1"]


def test_refresh_that_is_refused_says_so_and_keeps_what_there_was(study):
    dashboard = Dashboard(study)

    def refuse():
        raise NotAllowed("This needs the right to see <results>.")

    study.before_reading = refuse
    button(dashboard, "Refresh").click()
    assert "This needs the right to see &lt;results&gt;." in text(dashboard)
    assert len(rows(dashboard)) == 2
    assert not button(dashboard, "Refresh").disabled
    study.before_reading = lambda: None
    button(dashboard, "Refresh").click()
    assert "results" not in text(dashboard)


def test_long_list_is_shown_a_part_at_a_time():
    study = large_study(slides=24, questions=1, readers=2)
    names = study.readers
    study.rows = [
        about(slide, reader, "question 0", str(place))
        for slide in study.slides
        for place, reader in enumerate(names)
    ]
    dashboard = Dashboard(study)
    assert len(rows(dashboard)) == ROWS
    button(dashboard, "more of").click()
    assert len(rows(dashboard)) == 2 * ROWS
    assert button(dashboard, "more of").description == "4 more of 24"
    button(dashboard, "more of").click()
    assert len(rows(dashboard)) == 24
    assert button(dashboard, "more of").layout.display == "none"


def test_names_and_answers_are_never_html(study, new_slide):
    slide = new_slide(id=1, name=HOSTILE)
    kinds = {HOSTILE: QuestionKind.CLICK_FRIENDLY}
    rows_of = [about(slide, HOSTILE, HOSTILE, HOSTILE), about(slide, "ben@lab", HOSTILE, "no")]
    hostile = StudyInMemory(kinds, slides=[slide], readers=[HOSTILE], rows=rows_of, name=HOSTILE)
    dashboard = Dashboard(hostile)
    rows(dashboard)[0].click()
    assert HOSTILE not in "".join(each.value for each in parts(dashboard, ipywidgets.HTML))
    assert HOSTILE not in dashboard._repr_mimebundle_()["text/html"]
    assert "&lt;img" in dashboard._repr_mimebundle_()["text/html"]


def test_output_holds_tables_for_where_no_widget_runs(study):
    bundle = Dashboard(study)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    page = bundle["text/html"]
    for said in ("4 of 6 (66 %)", "What readers differ on most: TIL %", "5 to 90"):
        assert said in page


def test_study_without_questions_and_readers_says_so():
    dashboard = Dashboard(StudyInMemory({}))
    shown = text(dashboard)
    assert "Nobody reads this study yet." in shown
    assert "No question of this study needs an answer." in shown
    assert "text/html" in dashboard._repr_mimebundle_()


@pytest.mark.quiet
def test_three_hundred_thousand_answers_are_a_dashboard_within_two_seconds():
    study = large_study()
    answers = all_answers(study)
    study.overview = lambda: study.overview_of(answers)
    Dashboard(study)
    began = time.perf_counter()
    dashboard = Dashboard(study)
    assert time.perf_counter() - began < 1.0
    assert "300,000 of 300,000 (100 %)" in text(dashboard)
