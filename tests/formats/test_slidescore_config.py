from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_lab.errors import Invalid
from wsi_lab.formats.slidescore_config import (
    RIGHTS_OF_WORDS,
    ConfigFile,
    ImageLine,
    StudyProperties,
    checked_study_name,
    config_text,
    emails_text,
    file_kind,
    images_text,
    map_text,
    parse_config,
    parse_emails,
    parse_images,
    parse_map,
    parse_question,
    parse_scores,
    scores_text,
)
from wsi_lab.model.emails import checked_email
from wsi_lab.model.people import Right
from wsi_lab.model.question import QuestionKind, QuestionSpec, checked_question
from wsi_lab.model.study import checked_name, checked_text
from wsi_lab.model.study_settings import SETTINGS
from wsi_lab.model.tma import LARGEST_SIDE, MapCore


def accepted(check: object, text: str) -> bool:
    try:
        return check(text) == text  # type: ignore[operator]
    except Invalid:
        return False


texts = st.text(max_size=12) | st.sampled_from(["90", "a;b", "x.map1", "\ufeffq", "a\tb", "ü\x85z"])
names = texts.filter(lambda text: accepted(lambda each: checked_name(each, "name"), text))
free_texts = texts.filter(lambda text: accepted(lambda each: checked_text(each, "text"), text))
emails = st.builds("{}@{}".format, texts, texts).filter(
    lambda text: accepted(checked_email, text) and ";" not in text and text.isprintable()
)
rights = st.frozensets(st.sampled_from(Right), min_size=1)
questions = st.builds(
    QuestionSpec,
    names,
    st.sampled_from(QuestionKind),
    (free_texts | st.sampled_from([" ", "1;;2; 3", "\t", "#e6194b;", "a\tb"])),
).filter(
    lambda each: accepted(
        lambda text: checked_question("q", "Real", text) and text, each.configuration
    )
)
images = st.builds(
    ImageLine,
    st.just(0),
    names.map(lambda text: text.replace("\\", "/")),
    free_texts,
    st.none() | st.sampled_from([0, 90, 180, 270]),
    free_texts,
)


@given(st.lists(st.tuples(emails, rights), unique_by=lambda each: each[0].casefold()))
def test_members_are_read_back_as_they_were(members: list[tuple[str, frozenset[Right]]]) -> None:
    assert parse_emails(emails_text(members)) == (members, [])


@given(st.lists(images))
def test_images_are_read_back_as_they_were(lines: list[ImageLine]) -> None:
    found, problems = parse_images(images_text(lines))
    assert ([replace(each, line=0) for each in found], problems) == (lines, [])


@given(st.lists(questions, unique_by=lambda each: each.name))
def test_questions_are_read_back_as_they_were(specs: list[QuestionSpec]) -> None:
    assert parse_scores(scores_text(specs)) == (specs, [])
    assert parse_scores(scores_text(specs).replace("\n", "\r\n").encode()) == (specs, [])


@given(
    st.builds(
        StudyProperties,
        st.none() | free_texts,
        st.none() | free_texts,
        st.dictionaries(st.sampled_from(SETTINGS), free_texts),
    )
)
def test_properties_are_read_back_as_they_were(properties: StudyProperties) -> None:
    assert parse_config(config_text(properties)) == (properties, [])


@given(st.text() | st.binary() | st.lists(texts).map("\n".join) | st.lists(texts).map(";".join))
def test_whatever_comes_in_is_read_or_named_or_invalid(text: str | bytes) -> None:
    for read in (parse_emails, parse_images, parse_config, parse_scores, parse_map):
        try:
            read(text)
        except Invalid as error:
            assert error.message.isprintable()  # noqa: PT017 - it may be raised, and need not


def test_the_words_of_slide_score_for_rights() -> None:
    view, score, results, edit = Right.VIEW, Right.SCORE, Right.RESULTS, Right.EDIT
    members, problems = parse_emails(
        "\nplain@lab\nv@lab;viewonly\ns@lab; CanScore\ne@lab;canedit,cangetresults\n"
        "r@lab;cangetresults\nm@lab;viewonly,admin,private,api\nn@lab;\no@lab;viewonly;canscore\n"
    )
    assert problems == []
    assert dict(members) == {
        "plain@lab": {view, score},
        "v@lab": {view},
        "s@lab": {view, score},
        "e@lab": {view, score, edit, results},
        "r@lab": {view, results},
        "m@lab": {view, Right.ADMIN, Right.PRIVATE, Right.API},
        "n@lab": {view, score},
        "o@lab": {view, score},
    }


def test_rights_are_written_in_words_of_slide_score_where_it_has_any() -> None:
    assert emails_text(
        [
            ("s@lab", frozenset({Right.VIEW, Right.SCORE})),
            ("all@lab", frozenset(Right)),
            ("odd@lab", frozenset({Right.EDIT})),
            ("none@lab", frozenset()),
        ]
    ) == ("s@lab;canscore\nall@lab;canedit,cangetresults,admin,private,api\nodd@lab;edit\n")


def test_lines_about_one_member_add_up() -> None:
    members, _ = parse_emails("A@lab;viewonly\na@LAB;cangetresults\n")
    assert members == [("A@lab", frozenset({Right.VIEW, Right.RESULTS}))]


def test_every_line_that_names_no_member_is_listed() -> None:
    members, problems = parse_emails("a@lab\nnobody\nb@lab;owner\n;canscore\nc d@lab\n")
    assert [email for email, _ in members] == ["a@lab"]
    assert [each.split(":")[0] for each in problems] == ["Line 2", "Line 3", "Line 4", "Line 5"]
    assert "'nobody' is no e-mail address" in problems[0]
    assert "'owner' is not a right" in problems[1]
    assert all(word in problems[1] for word in (*RIGHTS_OF_WORDS, *Right))
    assert "'c d@lab'" in problems[3]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("1.svs", ImageLine(1, "1.svs")),
        ("../other/1.svs", ImageLine(1, "../other/1.svs")),
        ("a\\1.svs", ImageLine(1, "a/1.svs")),
        ("1.svs;", ImageLine(1, "1.svs")),
        ("1.svs;;;", ImageLine(1, "1.svs")),
        ("1.svs;study.x.map2", ImageLine(1, "1.svs", "study.x.map2")),
        ("1.svs;study.x.map2;180", ImageLine(1, "1.svs", "study.x.map2", 180)),
        ("1.svs;270", ImageLine(1, "1.svs", rotation=270)),
        ("1.svs;;B 12", ImageLine(1, "1.svs", name="B 12")),
        ("1.svs;B 12", ImageLine(1, "1.svs", name="B 12")),
        ("1.svs;;90;B 12", ImageLine(1, "1.svs", rotation=90, name="B 12")),
        ("1.svs;B 12;90", ImageLine(1, "1.svs", rotation=90, name="B 12")),
        ("1.svs;layout;0;B; 12", ImageLine(1, "1.svs", "layout", 0, "B; 12")),
        ("a;b.svs\tlayout\t\tB 12", ImageLine(1, "a;b.svs", "layout", None, "B 12")),
        (" 1.svs ; 90 ", ImageLine(1, "1.svs", rotation=90)),
        ("1.svs;45", ImageLine(1, "1.svs", name="45")),
    ],
)
def test_fields_of_an_image_are_told_by_place_or_looks(line: str, expected: ImageLine) -> None:
    assert parse_images(line) == ([expected], [])


def test_every_line_that_names_no_image_is_listed() -> None:
    images, problems = parse_images(
        f"\n1.svs\n;90\n2.svs;90;270\n3.svs;one;two\n4\u202e.svs\n{'x' * 900}\n5.svs;{'n' * 201}\n"
    )
    assert [image.path for image in images] == ["1.svs"]
    assert [each.split(":")[0] for each in problems] == [f"Line {n}" for n in range(3, 9)]


@pytest.mark.timeout(10)
def test_endless_names_take_no_time() -> None:
    for name in (
        ".map" * 250_000 + "/",
        "study.x" + ".map" * 250_000 + "/",
        "study.x." + "." * 10**6,
    ):
        assert file_kind(name) is None
        assert len(parse_images(f"1.svs;{name}")[1]) == 1
        for read in (parse_emails, parse_config, parse_scores):
            _, problems = read(name + ":;" + name)
            assert len(problems) == 1
            assert len(problems[0]) < 400


def test_files_that_are_no_text_are_named() -> None:
    for read in (parse_emails, parse_images, parse_config, parse_scores):
        assert "UTF-8" in read(b"\xff")[1][0]
        assert read("\n" * 1_000_001)[1] == [
            "The text has more than 1,000,000 lines; send it in parts."
        ]
        assert read("a\n\0\n\ud800")[1][1].startswith("Line 3: ")


def test_settings_are_found_in_any_case_and_unknown_ones_listed() -> None:
    properties, problems = parse_config(
        "\ufeffFriendlyName: HTT: pilot\r\nFOLDER:\r\n\r\nStainings : HE, CD3\r\nnope: 1\r\nx\r\n"
        "organ: a\u2028b\r\nfolder: twice\r\n"
    )
    assert properties == StudyProperties("HTT: pilot", "", {"stainings": "HE, CD3"})
    assert [each.split(":")[0] for each in problems] == ["Line 5", "Line 6", "Line 7", "Line 8"]
    assert problems[0].startswith("Line 5: 'nope' is no setting; known: ")
    assert all(name in problems[0] for name in ("friendlyname", "folder", *SETTINGS))


def test_questions_are_split_at_tabs_or_else_at_semicolons() -> None:
    poll = QuestionSpec("Grade; all", QuestionKind.CLICK_FRIENDLY_POLL_ONLY, "1;;2;;3")
    assert parse_question("Grade; all\tClickFriendlyPollOnly\t1;;2;;3\r\n") == poll
    assert parse_question("Grade;DropDown;1;2").configuration == "1;2"
    assert parse_question("Note ;freetext") == QuestionSpec("Note", QuestionKind.FREE_TEXT)
    for line in ("Note", "", "\t", ";FreeText", "Note;Poem", "a;FreeText;x\ny", "a;FreeText;x\0"):
        with pytest.raises(Invalid):
            parse_question(line)


def test_every_line_that_is_no_question_is_listed() -> None:
    questions, problems = parse_scores("a\tFreeText\n\nb\nc\tPoem\na\tReal\nd;Real\n")
    assert [each.name for each in questions] == ["a", "d"]
    assert [each.split(":")[0] for each in problems] == ["Line 3", "Line 4", "Line 5"]
    assert "'Poem' is not a kind of question" in problems[1]


def test_real_questions_are_read(shared_data: Path) -> None:
    path = shared_data / "annotations" / "slidescore" / "questions.scores.tsv"
    questions, problems = parse_scores(path.read_bytes())
    assert problems == []
    assert questions[-1] == QuestionSpec("pointsPNG", QuestionKind.ANNO_POINTS, "#00FF4b")
    assert len(questions) == 6


def test_a_map_with_everything_in_its_header() -> None:
    text = (
        "\ufeffTMAs: a/1.svs, a/2.svs\r\ncontrols: K1,K2\r\nignore: -,x\r\nForce: True\r\n"
        "colour: red\r\n\r\nA1\tK1\r\n-\r\n\r\n\tB 3\tx\t\t\r\n\r\n"
    )
    layout = parse_map(text)
    assert (layout.row_count, layout.column_count) == (4, 3)
    assert layout.cores == (MapCore(0, 0, "A1"), MapCore(0, 1, "K1", True), MapCore(3, 1, "B 3"))
    assert (layout.slides, layout.force) == (("a/1.svs", "a/2.svs"), True)
    assert layout.properties["colour"] == "red"
    assert map_text(text) == text


@pytest.mark.parametrize(
    "text",
    ["A1\tA2\n\tB2", "\n\nA1\tA2\n\tB2\n\n", "force: no\n\nA1\tA2\n\tB2", "ignore:\nA1\tA2\n\tB2"],
)
def test_a_map_may_have_no_header_or_a_short_one(text: str) -> None:
    layout = parse_map(text)
    assert layout.cores == (MapCore(0, 0, "A1"), MapCore(0, 1, "A2"), MapCore(1, 1, "B2"))
    assert layout.force is False


def test_a_row_that_looks_like_a_property_is_a_row_when_nothing_ends_the_header() -> None:
    assert [core.sample for core in parse_map("A: 1\nB\tC").cores] == ["A: 1", "B", "C"]


@pytest.mark.parametrize("text", ["", "\n\n", "force: true\n\n", "ignore: -\n\n-\t-\n", "\t\t\n\t"])
def test_a_map_without_cores_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="names no core"):
        parse_map(text)


@pytest.mark.parametrize(
    "text",
    [
        "A\t" * LARGEST_SIDE + "A",
        "A\n" * (LARGEST_SIDE + 1),
        "A\n" * 2_000_000,
        "\t" * 4_000_000 + "A",
        "x" * 5_000_000,
        "a: " * 100_000,
        " " * 4_000_000 + "A" * 201,
        "A" + " " * 4_000_000 + "B" * 201,
    ],
    ids=["wide", "high", "very high", "very wide", "long", "colons", "blanks", "gap"],
)
@pytest.mark.timeout(10)
def test_a_map_larger_than_any_block_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_map(text)


def test_every_line_with_a_bad_core_is_listed() -> None:
    with pytest.raises(Invalid) as caught:
        parse_map(f"force: true\n\nA\t{'x' * 201}\nB\u202e\n")
    assert [each.split(":")[0] for each in caught.value.problems] == ["Line 3", "Line 4"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("study.HTT.emails", ConfigFile("HTT", "emails")),
        ("Study.HTT.v2.Scores", ConfigFile("HTT.v2", "scores")),
        ("study.a-b_2026.images", ConfigFile("a-b_2026", "images")),
        ("study.x.config", ConfigFile("x", "config")),
        ("study.x.map", ConfigFile("x", "map")),
        ("study.x.map1.txt", ConfigFile("x", "map", "1.txt")),
        ("study.x.MAP B", ConfigFile("x", "map", " B")),
        ("study..emails", None),
        ("study.emails", None),
        ("study.x.email", None),
        ("study.x.emails.bak", None),
        ("study.x y.emails", None),
        ("study.x/y.emails", None),
        ("study.x.map/../y", None),
        ("other.x.emails", None),
        ("study.x.emails\n", None),
        ("study.x.map\n", None),
        ("", None),
    ],
)
def test_a_file_is_known_by_its_name(name: str, expected: ConfigFile | None) -> None:
    assert file_kind(name) == expected


def test_who_knows_the_study_knows_where_its_name_ends() -> None:
    assert file_kind("study.a.maps.emails", study="a.maps") == ConfigFile("a.maps", "emails")
    assert file_kind("study.a.maps.map1", study="a.maps") == ConfigFile("a.maps", "map", "1")
    assert file_kind("study.a.map.config", study="a") == ConfigFile("a", "map", ".config")
    assert file_kind("study.HTT pilot.emails", study="HTT pilot") == ConfigFile(
        "HTT pilot", "emails"
    )
    assert file_kind("study.a.b.emails", study="a") is None
    assert file_kind("study.A.emails", study="a") is None
    assert file_kind("studyxa.emails", study="a") is None


@pytest.mark.parametrize("name", ["HTT_2026-07.v2", "Étude", "a"])
def test_names_of_studies_that_files_can_have(name: str) -> None:
    assert checked_study_name(f" {name} ") == name
    assert file_kind(f"study.{name}.emails") == ConfigFile(name, "emails")


@pytest.mark.parametrize("name", ["", "a b", "a/b", "..", ".a", "a.", "a;b", "a\nb", "x" * 201])
def test_names_of_studies_that_no_file_can_have_are_refused(name: str) -> None:
    with pytest.raises(Invalid):
        checked_study_name(name)


def test_file_of_nothing_but_problems_is_not_read_to_its_end() -> None:
    members, problems = parse_emails("nobody\n" * 20_000)
    assert members == []
    assert len(problems) == 10_001
    assert problems[-1].startswith("Line 10001: ")
