from __future__ import annotations

import json
import time

import pandas as pd
import pytest
from overviews import StudyInMemory, all_answers, large_study, slide_of

from wsi_lab.analysis.consensus import disagreement
from wsi_lab.client.disagreement import disagreement_of
from wsi_lab.client.question_kinds import Choice, FreeText, PercentageOnly, Shapes
from wsi_lab.demo import SLIDE
from wsi_lab.errors import NotFound, WsiLabError
from wsi_lab.model.question import QuestionKind

GRADE = {"Grade": QuestionKind.DROP_DOWN}
SHAPES = {"Tumour": QuestionKind.ANNO_SHAPES}


def about(slide: int, reader: str, question: str, answer: str, core=(None, None), case=None):
    """Return an answer about a slide."""
    return (case, f"slide {slide}", slide, *core, reader, question, answer)


def about_case(case: str, reader: str, question: str, answer: str):
    return (case, None, None, None, None, reader, question, answer)


def cells(table, *columns):
    """Return the cells of a table as tuples, None where there is nothing."""
    rows = table[list(columns)].astype(object)
    return [*rows.where(rows.notna(), None).itertuples(index=False, name=None)]


def test_missing_are_the_answers_that_were_not_given():
    study = StudyInMemory(
        GRADE,
        slides=[slide_of(1, 7), slide_of(2, 8)],
        readers=["anna@lab", "ben@lab"],
        cases={7: "A", 8: "B"},
    )
    study.rows = [about(2, "anna@lab", "Grade", "1"), about(1, "ben@lab", "Grade", "3")]
    found = study.overview().missing()
    assert found.columns.tolist() == [
        *("reader", "case", "slide", "slide_id", "core_row", "core_column", "question"),
    ]
    assert cells(found, *found.columns) == [
        ("anna@lab", "A", "slide 1", 1, None, None, "Grade"),
        ("ben@lab", "B", "slide 2", 2, None, None, "Grade"),
    ]
    assert study.overview().missing("BEN@lab")["slide_id"].tolist() == [2]
    with pytest.raises(NotFound, match="carl@lab is no reader"):
        study.overview().missing("carl@lab")


def test_readers_are_the_same_however_their_addresses_are_spelt():
    study = StudyInMemory(GRADE, slides=[slide_of(1)], readers=["Anna@Lab"])
    study.rows = [about(1, "anna@lab", "Grade", "1")]
    overview = study.overview()
    assert overview.missing().empty
    assert overview.progress()["answered_on"].notna().all()


def test_answer_that_was_taken_back_is_missing():
    study = StudyInMemory(GRADE, slides=[slide_of(1)], readers=["anna@lab"])
    study.rows = [about(1, "anna@lab", "Grade", "")]
    assert len(study.overview().missing()) == 1


def test_free_texts_and_explanations_are_never_missing():
    kinds = {
        "Why": QuestionKind.FREE_TEXT,
        "Read this": QuestionKind.EXPLANATION,
        "Sure": QuestionKind.CHECKBOX,
    }
    study = StudyInMemory(kinds, slides=[slide_of(1)], readers=["anna@lab"])
    assert study.overview().missing()["question"].tolist() == ["Sure"]


def test_cores_are_asked_about_one_by_one_and_shapes_once():
    study = StudyInMemory(
        GRADE | SHAPES,
        slides=[slide_of(1, map_id=5), slide_of(2)],
        readers=["anna@lab"],
        cores={5: [(0, 0), (0, 11)]},
    )
    study.rows = [
        about(1, "anna@lab", "Grade", "1", (0, 11)),
        about(1, "anna@lab", "Grade", "1"),
        about(1, "anna@lab", "Grade", "1", (7, 7)),
    ]
    assert cells(study.overview().missing(), "slide_id", "core_row", "core_column", "question") == [
        (1, None, None, "Tumour"),
        (1, 0, 0, "Grade"),
        (2, None, None, "Grade"),
        (2, None, None, "Tumour"),
    ]


def test_cases_are_units_where_they_are_scored_and_slides_without_one_by_themselves():
    study = StudyInMemory(
        GRADE | SHAPES,
        slides=[slide_of(1, 7), slide_of(2), slide_of(3, 7), slide_of(4, 8)],
        cases={7: "A", 8: "B"},
        readers=["anna@lab"],
        scores_cases=True,
    )
    # What is drawn on any slide answers for the case, words do not.
    study.rows = [
        about(3, "anna@lab", "Tumour", "[]", case="A"),
        about(4, "anna@lab", "Grade", "1", case="B"),
        about_case("A", "anna@lab", "Grade", "1"),
    ]
    assert cells(study.overview().missing(), "case", "slide", "question") == [
        (None, "slide 2", "Grade"),
        (None, "slide 2", "Tumour"),
        ("B", None, "Grade"),
        ("B", None, "Tumour"),
    ]


def test_study_without_slides_is_about_its_cases():
    study = StudyInMemory(GRADE, cases={1: "A", 2: "B"}, readers=["anna@lab"])
    study.rows = [about_case("B", "anna@lab", "Grade", "1")]
    assert cells(study.overview().missing(), "case", "slide") == [("A", None)]


def test_answers_of_others_to_other_questions_do_not_count():
    study = StudyInMemory(GRADE, slides=[slide_of(1)], readers=["anna@lab"])
    study.rows = [about(1, "model", "Grade", "1"), about(1, "anna@lab", "Removed", "1")]
    assert len(study.overview().missing()) == 1


def test_empty_study_has_tables_with_the_same_columns():
    full = StudyInMemory(GRADE, slides=[slide_of(1)], readers=["anna@lab"]).overview()
    empty = StudyInMemory({}).overview()
    assert empty.missing().dtypes.to_dict() == full.missing().dtypes.to_dict()
    assert empty.progress().dtypes.to_dict() == full.progress().dtypes.to_dict()
    assert empty.missing_by_question().empty


def test_progress_and_missing_are_two_sides_of_the_same():
    study = large_study(slides=11, questions=3, readers=4)
    answers = all_answers(study).sample(frac=0.6, random_state=3)
    overview = study.overview_of(answers)
    progress = overview.progress().set_index("reader")
    missing = overview.missing()
    left = missing.groupby("reader").size()
    assert (progress["answered"] + left == progress["needed"]).all()
    assert progress["answered"].sum() == len(answers)
    by_question = missing.groupby("question").size()
    assert overview.missing_by_question().to_dict() == by_question.to_dict()


def test_time_is_told_where_it_is_kept():
    study = StudyInMemory(GRADE, readers=["Anna@lab", "ben@lab"], seconds={"anna@lab": 90.0})
    assert study.overview().progress()["seconds"].fillna(-1).tolist() == [90, -1]


@pytest.mark.quiet
def test_three_hundred_thousand_gaps_are_found_well_below_a_second():
    study = large_study()
    answers = all_answers(study)
    for scores in (answers, answers[:0], answers.sample(frac=0.5, random_state=1)):
        began = time.perf_counter()
        found = study.overview_of(scores).missing()
        assert time.perf_counter() - began < 0.5
        assert len(found) == 300_000 - len(scores)


def test_measures_are_listed_by_spread_and_choices_by_how_many_differ():
    readers = ("a", "b", "c")
    rows = [
        *zip((1, 1, 1), readers, ("1", "1", "3"), strict=True),
        *zip((2, 2, 2), readers, ("1", "2", "2.5"), strict=True),
        *zip((3, 3, 3), readers, ("2", "2", "2"), strict=True),
        (4, "a", "2"),
    ]
    for kind, order in ((QuestionKind.REAL, [1, 2]), (QuestionKind.DROP_DOWN, [2, 1])):
        study = StudyInMemory({"Q": kind})
        study.rows = [about(slide, reader, "Q", answer) for slide, reader, answer in rows]
        found = study.overview().disagreement("Q")
        assert found["slide_id"].tolist() == order
        assert found.set_index("slide_id")["disagreement"].round(3).to_dict() == {1: 0.667, 2: 1}
        assert cells(found.set_index("slide_id").loc[[1]], "readers", "least", "most") == [
            (3, 1, 3)
        ]
        assert study.overview().disagreement("Q", top=1)["slide_id"].tolist() == order[:1]


def test_words_have_no_spread_and_their_order_is_by_how_many_differ():
    study = StudyInMemory({"Q": QuestionKind.POSITIVE_NEGATIVE})
    study.rows = [
        about(1, "a", "Q", "Positive"),
        about(1, "b", "Q", "Negative"),
        about(2, "a", "Q", "Positive"),
        about(2, "b", "Q", ""),
    ]
    found = study.overview().disagreement("Q")
    assert cells(found, "slide_id", "readers", "spread", "least", "most") == [
        (1, 2, None, "Negative", "Positive")
    ]


def test_cores_and_cases_differ_by_themselves():
    study = StudyInMemory(GRADE)
    study.rows = [
        about(1, "a", "Grade", "1", (0, 1)),
        about(1, "b", "Grade", "1", (0, 1)),
        about(1, "a", "Grade", "1", (0, 2)),
        about(1, "b", "Grade", "2", (0, 2)),
        about_case("A", "a", "Grade", "1"),
        about_case("A", "b", "Grade", "3"),
    ]
    found = study.overview().disagreement("Grade")
    assert cells(found, "case", "slide_id", "core_row", "core_column") == [
        ("A", None, None, None),
        (None, 1, 0, 2),
    ]
    said = study.overview().said_of(found.iloc[1], "Grade")
    assert cells(said, "reader", "answer") == [("a", "1"), ("b", "2")]


def test_of_what_is_drawn_the_number_of_shapes_counts():
    points = json.dumps([{"x": 1, "y": 1}, {"x": 5, "y": 5}])
    study = StudyInMemory({"Mitoses": QuestionKind.ANNO_POINTS})
    study.rows = [about(1, "a", "Mitoses", points), about(1, "b", "Mitoses", "[]")]
    found = study.overview().disagreement("Mitoses")
    assert cells(found, "least", "most") == [(0, 2)]


def test_question_that_nobody_answered_has_no_differences():
    overview = StudyInMemory(GRADE).overview()
    assert overview.disagreement("Grade").empty
    with pytest.raises(NotFound, match="no question 'Stage'"):
        overview.disagreement("Stage")


def test_columns_of_differences_are_the_same_whether_there_are_any():
    study = StudyInMemory({"Q": QuestionKind.REAL})
    study.rows = [about(1, "a", "Q", "1"), about(1, "b", "Q", "2")]
    full = study.overview().disagreement("Q")
    scores = study.overview().scores
    for none in (scores[:0], scores[:1]):
        found = disagreement_of(none)
        assert found.empty
        assert found.columns.equals(full.columns)


QUESTIONS = [
    Choice("Grade", ["1", "2", "3"]),
    FreeText("Remarks"),
    Shapes("Tumour"),
    PercentageOnly("TIL %"),
]
READERS = ["anna@lab", "ben@lab"]


@pytest.fixture(params=["slides", "cases", "cores", "cases and cores"])
def read_study(request, real_lab, demo_server):
    """A study of a real lab that is read in one of the ways there are."""
    slide = str(demo_server.home / "slides" / f"{SLIDE}.svs")
    table = pd.DataFrame({"path": slide, "name": ["a", "b", "c"], "case": ["A", "A", None]})
    study = real_lab.create_study(
        f"overview of {request.param}",
        slides=table,
        questions=QUESTIONS,
        readers=READERS,
        settings={"scorecases": "cases" in request.param},
        publish=True,
    )
    if "cores" in request.param:
        study.tma_maps.create("map", "A1\tA2\tC\nB1\t\tB3\n")
        study.tma_maps.create("controls", "controls: K\n\nK\tK\n")
        study.slides["b"].set_tma_map("map")
        study.slides["c"].set_tma_map("controls")
    secret = {"name": "Secret", "mode": "annot", "restrict-access": True}
    study.connection.post(f"v1/studies/{study.id}/tasks", secret)
    yield real_lab.studies[study.name]
    real_lab.studies[study.name].remove()


def some_answers(study):
    """Return answers about slides, cores and cases, needed or not."""
    slides = {slide.name: slide.id for slide in study.slides.values()}
    shapes = '[{"type": "rect", "corner": {"x": 1, "y": 1}, "size": {"x": 9, "y": 9}}]'
    about_slides = pd.DataFrame(
        [
            ("anna@lab", "a", "Grade", "1"),
            ("Ben@Lab", "a", "Grade", "3"),
            ("ben@lab", "a", "Remarks", "fine"),
            ("ben@lab", "b", "TIL %", "30"),
            ("anna@lab", "b", "Tumour", shapes),
            ("anna@lab", "a", "Tumour", "[]"),
            ("ben@lab", "c", "Grade", ""),
            ("anna@lab", "c", "TIL %", "80"),
        ],
        columns=["reader", "slide", "question", "answer"],
    )
    about_slides["slide_id"] = about_slides.pop("slide").map(slides)
    about_case = pd.DataFrame(
        [("ben@lab", "A", "Grade", "2"), ("ben@lab", "A", "Tumour", "[]")],
        columns=["reader", "case", "question", "answer"],
    )
    found = [about_slides, about_case]
    if study.slides["b"].tma_map_id is not None:
        cores = pd.DataFrame({"core_row": [0, 0, 1], "core_column": [0, 2, 2], "answer": "1"})
        found.append(cores.assign(reader="anna@lab", question="Grade", slide_id=slides["b"]))
    return found


def test_lab_counts_as_we_do(read_study):
    for table in some_answers(read_study):
        read_study.import_results(table)
    overview = read_study.overview()
    ours = overview.progress().set_index("reader")[["answered", "needed"]]
    answer = read_study.connection.get(f"v1/studies/{read_study.id}/readers")
    theirs = pd.DataFrame(answer["items"]).set_index("reader")[["answered", "needed"]]
    assert ours.to_dict("index") == theirs.to_dict("index")
    assert len(read_study.missing()) == (ours["needed"] - ours["answered"]).sum() > 0
    assert ours["answered"].gt(0).all()


def test_names_of_cases_are_those_of_the_answers(read_study):
    for table in some_answers(read_study):
        read_study.import_results(table)
    cases = set(read_study.missing()["case"].dropna())
    assert cases == {"A"} == set(read_study.scores()["case"].dropna())


def test_differences_are_read_by_themselves(read_study):
    read_study.import_results(some_answers(read_study)[0])
    found = read_study.disagreement("Grade", top=5)
    assert cells(found, "slide", "readers", "least", "most") == [("a", 2, 1, 3)]
    with pytest.raises(NotFound, match="no question 'Stage'"):
        read_study.disagreement("Stage")
    assert read_study.disagreement("TIL %").empty


def test_cancers_that_pathologists_grade_most_differently_come_first(real_lab, shared_data):
    graded = pd.read_csv(shared_data / "scores" / "nottingham" / "nottingham.csv", header=None)
    cases = [f"cancer {number:03}" for number in range(1, len(graded) + 1)]
    long = graded.set_axis([f"pathologist-{n}" for n in range(1, 10)], axis=1).assign(case=cases)
    study = real_lab.create_study(
        "overview of Nottingham", cases=cases, questions=[Choice("Grade", ["1", "2", "3"])]
    )
    study.import_results(
        long.melt("case", var_name="reader", value_name="answer").assign(question="Grade")
    )
    overview, ratings = study.overview(), study.ratings("Grade")
    study.remove()
    # Nobody is a member; those who answered are the readers, and all of them are done.
    assert len(overview.readers) == 9
    assert overview.missing().empty
    assert overview.progress()["answered"].eq(100).all()
    found = overview.disagreement("Grade")
    expected = disagreement(ratings)
    assert len(found) == len(expected) == (graded.min(axis=1) < graded.max(axis=1)).sum()
    by_case = found.set_index("case")["disagreement"]
    assert by_case.sort_index().tolist() == expected["disagreement"].sort_index().tolist()
    assert by_case.is_monotonic_decreasing
    # Of the first five somebody gave each of the three grades.
    assert cells(found.head(5), "least", "most") == [(1, 3)] * 5


def test_lab_without_widgets_says_so(study_without_widgets):
    with pytest.raises(WsiLabError, match="without widgets"):
        study_without_widgets.dashboard()


@pytest.fixture
def study_without_widgets(server, lab):
    server.add_study("a")
    return lab.studies["a"]
