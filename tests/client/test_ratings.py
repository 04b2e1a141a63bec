from __future__ import annotations

import pandas as pd
import pytest

from wsi_lab.client.ratings import ratings_of
from wsi_lab.errors import Invalid


def tidy(*rows, question="Grade"):
    columns = ["case", "slide", "core_row", "core_column", "reader", "answer"]
    return pd.DataFrame(rows, columns=columns).assign(question=question)


def test_units_are_what_was_rated_and_gaps_stay():
    table = ratings_of(
        tidy(
            ("c1", "s1", None, None, "a", "1"),
            ("c1", "s1", None, None, "b", "2.5"),
            ("c2", "s2", None, None, "a", "3"),
        )
    )
    assert table.index.names == ["case", "slide"]
    assert table.loc[("c1", "s1")].tolist() == [1, 2.5]
    assert table.loc[("c2", "s2")].isna().tolist() == [False, True]


def test_cores_are_units_of_their_own():
    table = ratings_of(
        tidy(
            (None, "s1", 0, 0, "a", "yes"),
            (None, "s1", 0, 1, "a", "no"),
            (None, "s1", 0, 1, "b", "no"),
        )
    )
    assert table.index.names == ["slide", "core_row", "core_column"]
    assert table.loc[("s1", 0, 1)].tolist() == ["no", "no"]


@pytest.mark.parametrize("scores", [tidy(), pd.concat([tidy(("c", "s", 1, 1, "a", "1")),
    tidy(("c", "s", 1, 1, "a", "1"), question="Other")])])  # fmt: skip
def test_answers_to_one_question_are_meant(scores):
    with pytest.raises(Invalid, match="one question"):
        ratings_of(scores)


def test_published_agreement_comes_out_of_a_study(real_lab, shared_data):
    graded = pd.read_csv(shared_data / "scores" / "nottingham" / "tubulus.csv", header=None)
    study = real_lab.studies.create("nottingham-tubulus")
    study.questions.add("Tubules", "DropDown", "#e6194b;1;2;3")
    for number in range(len(graded)):
        study.cases.create(f"case-{number:03}")
    scores = pd.DataFrame(
        [
            {
                "case": f"case-{unit:03}",
                "reader": f"reader-{reader}@lab",
                "question": "Tubules",
                "answer": str(answer),
            }
            for unit, row in graded.iterrows()
            for reader, answer in row.items()
        ]
    )
    study.import_results(scores)
    ratings = study.ratings("Tubules")
    table = study.agreement("Tubules", "ordinal")
    study.remove()
    assert ratings.shape == (100, 9)
    assert table.loc["Fleiss' kappa", "estimate"] == pytest.approx(0.592762, abs=1e-6)
    alpha = table.loc["Krippendorff's alpha (ordinal)"]
    assert alpha["estimate"] == pytest.approx(0.736687, abs=1e-6)
    assert alpha["low"] < alpha["estimate"] < alpha["high"]
