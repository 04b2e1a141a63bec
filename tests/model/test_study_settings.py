from __future__ import annotations

import pytest

from wsi_lab.errors import Invalid
from wsi_lab.model.study_settings import (
    LARGEST_SEED,
    SEED,
    SHUFFLE,
    blinding_of,
    checked_settings,
    seeded,
    settings_of_words,
)


def test_words_for_blinding_become_settings_and_come_back() -> None:
    words = {"hide_names": True, "hide_other_scores": True, "shuffle": True}
    settings = settings_of_words(words)
    assert settings["hideslidenames"] == "true"
    assert settings["showotherpeoplesscores"] == "false"
    assert blinding_of(settings) == words
    shown = dict.fromkeys(words, False)
    assert blinding_of(settings | settings_of_words(shown)) == shown


def test_slide_scores_names_may_have_underscores_and_values_of_python() -> None:
    assert settings_of_words(
        {"Show_TMA_sample_IDs": True, "stainings": ["HE", "CD3"], "organ": "breast", "artid": None}
    ) == {"showtmasampleids": "true", "stainings": "HE, CD3", "organ": "breast"}


def test_every_wrong_word_is_named() -> None:
    with pytest.raises(Invalid, match="hide_names, hide_other_scores, shuffle") as refused:
        settings_of_words({"colour": "red", "hide_names": "yes", "organ": object(), "seed": "x"})
    assert len(refused.value.problems) == 4


@pytest.mark.parametrize("seed", ["", "-1", "1.5", "x", "9" * 19, "٣"])
def test_seed_is_a_whole_number(seed: str) -> None:
    with pytest.raises(Invalid, match="whole number"):
        checked_settings({SEED: seed})
    assert checked_settings({"ShuffleSeed": str(LARGEST_SEED - 1)}) == {SEED: "9" * 18}


def test_seed_is_drawn_once_and_stays() -> None:
    drawn = iter([17])
    first = seeded({SHUFFLE: "true"}, {}, lambda: next(drawn))
    assert first == {SHUFFLE: "true", SEED: "17"}
    off = seeded({}, first, lambda: next(drawn))
    assert off == {SEED: "17"}
    assert seeded({SHUFFLE: "1"}, off, lambda: next(drawn)) == {SHUFFLE: "1", SEED: "17"}
    assert seeded({SEED: "5"}, first, lambda: next(drawn)) == {SEED: "5"}
    assert seeded({}, {}, lambda: next(drawn)) == {}
