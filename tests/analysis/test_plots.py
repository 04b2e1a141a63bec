from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from wsi_lab.analysis import differences, pairs, plots
from wsi_lab.analysis.agreement import percent_agreement
from wsi_lab.analysis.tables import agreement_table, side_by_side

FEW = 20


@pytest.fixture
def ratings():
    generator = np.random.default_rng(5)
    truth = generator.integers(1, 4, 50)
    readers = [np.clip(truth + generator.integers(-1, 2, 50), 1, 3) for _ in range(4)]
    return pd.DataFrame(dict(zip("abcd", readers, strict=True)))


def picture_of(axes) -> np.ndarray:
    stream = io.BytesIO()
    axes.figure.savefig(stream)
    return np.asarray(Image.open(stream).convert("RGB"))


def test_matrix_shows_its_numbers_and_gaps(ratings, tmp_path):
    table = pairs.pairwise(ratings.assign(e=np.nan))
    axes = plots.matrix(table, title="Cohen's kappa")
    texts = [text.get_text() for text in axes.texts]
    assert len(texts) == 25
    assert texts.count("–") == 8
    axes.figure.savefig(tmp_path / "matrix.png")
    assert picture_of(axes).std() > 0


def test_limits_of_agreement_are_drawn(ratings, tmp_path):
    axes = plots.bland_altman(pairs.bland_altman(ratings["a"], ratings["b"]), unit="%")
    assert axes.get_xlabel() == "mean of both (%)"
    assert len(axes.lines) == 3
    assert sum("−" in text.get_text() for text in axes.texts) >= 1
    axes.figure.savefig(tmp_path / "bland-altman.png")


def test_estimates_stand_in_the_order_of_the_table(ratings, tmp_path):
    table = agreement_table(ratings, "ordinal", resamples=50)
    axes = plots.forest(table)
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    assert labels == table.index.tolist()
    assert axes.get_yticks().tolist() == [3, 2, 1, 0]
    axes.figure.savefig(tmp_path / "forest.png")


def test_matrix_of_differences_has_its_own_scale(ratings):
    table = pairs.pairwise(ratings * 10, differences.rms_of_pair, diagonal=0)
    axes = plots.matrix(table, highest=20, digits=1)
    (picture,) = axes.images
    assert picture.get_clim() == (0, 20)
    assert [text.get_text() for text in axes.texts].count("0.0") == 4


def test_spread_tells_how_many_units_lie_between_its_edges():
    table = differences.spread(pd.DataFrame({"a": [2, 10, 30, 90], "b": [4, 10, 50, 90]}))
    axes = plots.spread(table, edges=(10, 50), unit="%")
    assert [text.get_text() for text in axes.texts] == ["n = 2", "n = 1", "n = 1"]
    assert axes.get_ylabel() == "variance of the readers (%²)"
    assert picture_of(axes).std() > 0


def test_groups_stand_side_by_side(ratings):
    groups = {"first two": ratings[["a", "b"]], "all": ratings}
    table = side_by_side(
        {name: percent_agreement(each, resamples=FEW) for name, each in groups.items()}
    )
    assert table["n_readers"].to_dict() == {"first two": 2, "all": 4}
    axes = plots.forest(table, label="share of pairs")
    assert axes.get_xlabel() == "share of pairs"


def test_plots_go_where_they_are_told(ratings):
    figure = Figure()
    axes = figure.add_subplot()
    assert plots.forest(agreement_table(ratings, resamples=5), ax=axes) is axes


def test_table_has_what_fits_the_level(ratings):
    numbers = agreement_table(ratings, resamples=5)
    assert numbers.index.tolist() == [
        "Percent agreement",
        "Krippendorff's alpha (interval)",
        "ICC(A,1)",
        "ICC(A,k)",
    ]
    ranks = agreement_table(ratings, "ordinal", resamples=5)
    assert "Fleiss' kappa" in ranks.index
    with_gaps = ratings.astype(float)
    for unit, reader in enumerate("abcd" * 12):
        with_gaps.loc[unit, reader] = np.nan
    assert "Fleiss' kappa" in agreement_table(with_gaps, "ordinal", resamples=5).index
    assert "ICC(A,1)" in agreement_table(with_gaps, resamples=5).index
    none_complete = with_gaps.iloc[:48]
    assert "Fleiss' kappa" not in agreement_table(none_complete, "ordinal", resamples=5).index
