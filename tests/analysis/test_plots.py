from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from wsi_lab.analysis import pairs, plots
from wsi_lab.analysis.tables import agreement_table


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
    axes.figure.savefig(tmp_path / "bland-altman.png")


def test_estimates_stand_in_the_order_of_the_table(ratings, tmp_path):
    table = agreement_table(ratings, "ordinal", resamples=50)
    axes = plots.forest(table)
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    assert labels == table.index.tolist()
    assert axes.get_yticks().tolist() == [3, 2, 1, 0]
    axes.figure.savefig(tmp_path / "forest.png")


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
