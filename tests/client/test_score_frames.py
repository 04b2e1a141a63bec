"""Tables of answers laid out side by side, and what becomes of them in pandas' hands."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsi_lab.client.score_frames import COLUMNS, ScoresFrame
from wsi_lab.errors import Invalid
from wsi_lab.formats.score_tables import COLUMNS as SENT


def scores(*rows):
    """A table of (case, slide, core, reader, question, answer)."""
    return ScoresFrame(
        {
            "case": pd.Series([row[0] for row in rows], dtype="str"),
            "slide": pd.Series([row[1] for row in rows], dtype="str"),
            "core_row": pd.Series([(row[2] or (None, None))[0] for row in rows], dtype="Int64"),
            "core_column": pd.Series([(row[2] or (None, None))[1] for row in rows], dtype="Int64"),
            "reader": pd.Series([row[3] for row in rows], dtype="str"),
            "question": pd.Series([row[4] for row in rows], dtype="str"),
            "answer": pd.Series([row[5] for row in rows], dtype="str"),
        }
    )


def test_questions_are_columns_in_their_order_and_numbers_where_all_are():
    wide = scores(
        ("c2", "s2", None, "b", "TIL %", "10"),
        ("c1", "s1", None, "b", "TIL %", "12.5"),
        ("c1", "s1", None, "b", "Grade", "3"),
        ("c2", "s2", None, "b", "Grade", "1"),
        ("c1", "s1", None, "a", "Grade", "2"),
        ("c1", "s1", None, "a", "Colour", "7"),
        ("c2", "s2", None, "b", "Colour", "blue"),
    ).wide()
    assert wide.columns.tolist() == ["TIL %", "Grade", "Colour"]
    assert wide.index.names == ["case", "slide", "reader"]
    assert wide.index.tolist() == [("c1", "s1", "a"), ("c1", "s1", "b"), ("c2", "s2", "b")]
    assert wide["Grade"].tolist() == [2, 3, 1]
    assert wide["Grade"].dtype == np.int64
    assert wide["TIL %"].tolist()[1:] == [12.5, 10.0]
    assert wide["Colour"].isna().tolist() == [False, True, False]
    assert wide["Colour"].dropna().tolist() == ["7", "blue"]


def test_readers_are_columns_of_one_type():
    tidy = scores(
        ("c1", "s1", None, "b", "Grade", "3"),
        ("c1", "s1", None, "a", "Grade", "2"),
        ("c2", "s2", None, "a", "Grade", "1"),
    )
    wide = tidy.wide("reader")
    assert wide.columns.tolist() == ["a", "b"]
    assert wide.index.names == ["case", "slide", "question"]
    assert wide["a"].tolist() == [2, 1]
    assert wide.loc[("c1", "s1", "Grade"), "b"] == 3.0
    mixed = pd.concat([tidy, scores(("c2", "s2", None, "b", "Grade", "unsure"))])
    assert mixed.wide("reader")["a"].tolist() == ["2", "1"]


def test_cores_are_rows_of_their_own():
    wide = scores(
        (None, "s1", (0, 1), "a", "Grade", "1"),
        (None, "s1", (0, 0), "a", "Grade", "2"),
        (None, "s1", None, "a", "Grade", "3"),
    ).wide()
    assert wide.index.names == ["slide", "core_row", "core_column", "reader"]
    assert wide.index.get_level_values("core_column").tolist()[:2] == [0, 1]
    assert wide["Grade"].tolist() == [2, 1, 3]


def test_empty_answers_are_gaps():
    wide = scores(
        ("c1", "s1", None, "a", "Grade", ""),
        ("c1", "s1", None, "a", "Why", "so"),
        ("c2", "s2", None, "a", "Grade", "4"),
    ).wide()
    assert wide.columns.tolist() == ["Why", "Grade"]
    assert wide["Grade"].isna().tolist() == [True, False]
    assert wide["Grade"].dtype == np.float64


@pytest.mark.parametrize("answer", ["nan", "inf", "-Infinity", "1_000", "0x10", "ü"])
def test_words_that_python_takes_for_numbers_stay_words(answer):
    wide = scores(("c", "s", None, "a", "Q", answer), ("d", "t", None, "a", "Q", "1")).wide()
    assert wide["Q"].tolist() == [answer, "1"]


def test_rows_are_about_what_is_named():
    tidy = scores(("c1", "s1", None, "a", "Grade", "3"), ("c1", "s2", None, "a", "Grade", "2"))
    assert tidy.wide(index="slide")["Grade"].tolist() == [3, 2]
    with pytest.raises(Invalid, match="same case, question"):
        tidy.wide(index=["case"])
    with pytest.raises(Invalid, match="'stain'"):
        tidy.wide(index=["stain"])
    with pytest.raises(Invalid, match="each 'question'"):
        tidy.wide("slide")
    with pytest.raises(Invalid, match="'question' and 'answer'"):
        tidy[["case", "reader"]].wide()


def test_table_without_answers_is_wide_without_columns():
    wide = scores().wide()
    assert wide.shape == (0, 0)
    assert wide.index.names == ["case", "reader"]


def test_whatever_pandas_makes_of_a_table_can_be_wide(tmp_path):
    tidy = scores(("c1", "s1", None, "a", "Grade", "3"), ("c2", "s2", None, "b", "Grade", "2"))
    pickled = pickle.loads(pickle.dumps(tidy))  # noqa: S301 (a moment ago it was made here)
    tidy.to_parquet(tmp_path / "scores.parquet")
    stored = ScoresFrame(pd.read_parquet(tmp_path / "scores.parquet"))
    for made in (
        tidy[tidy["reader"] == "a"],
        tidy.query("reader == 'a'"),
        tidy.copy().iloc[:1],
        tidy.sort_values("case").head(1),
        tidy.assign(more=1).iloc[[0]],
        pickled.loc[:0],
        stored.loc[:0],
    ):
        assert isinstance(made, ScoresFrame)
        assert made.wide()["Grade"].tolist() == [3]
    pd.testing.assert_frame_equal(stored, tidy)
    assert type(tidy.wide()) is pd.DataFrame


def test_columns_are_those_that_the_lab_sends():
    assert tuple(COLUMNS) == SENT


_words = st.sampled_from(["", "1", "2.5", "x", "ü", "\t"])


@settings(max_examples=80)
@given(
    st.dictionaries(
        st.tuples(
            st.sampled_from([None, "c1", "c2"]),
            st.sampled_from(["s1", "s2", "s3"]),
            st.sampled_from([None, (0, 0), (0, 1)]),
            st.sampled_from(["a", "b"]),
            st.sampled_from(["Q1", "Q2", "Q3"]),
        ),
        _words,
        max_size=20,
    ),
    st.sampled_from(["question", "reader"]),
)
def test_every_answer_is_in_its_place(said, columns):
    tidy = scores(*((*place, answer) for place, answer in said.items()))
    other = "reader" if columns == "question" else "question"
    wide = tidy.wide(columns, index=["case", "slide", "core_row", "core_column", other])
    found = {}
    for row, cells in wide.iterrows():
        case, slide, core_row, core_column, who = row
        core = None if pd.isna(core_row) else (int(core_row), int(core_column))
        for head, cell in cells.items():
            if not pd.isna(cell):
                last = (who, head) if columns == "question" else (head, who)
                found[(None if pd.isna(case) else case, slide, core, *last)] = cell
    expected = {place: answer for place, answer in said.items() if answer}
    assert found.keys() == expected.keys()
    for place, answer in expected.items():
        cell = found[place]
        assert cell == answer or float(cell) == float(answer)
