"""Elias-omega codes, against the makers' own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slidescore.lib.omega_encoder import OmegaEncoder

from wsi_lab.errors import Invalid
from wsi_lab.formats import omega


@given(st.lists(st.integers(1, 70_000) | st.integers(1, 20) | st.just(1 << 32), max_size=60))
def test_numbers_are_written_as_the_makers_do_and_read_again(numbers: list[int]) -> None:
    data = omega.encoded(numbers)

    assert data == OmegaEncoder().encode(numbers, "naturalOnly").tobytes()
    assert omega.decoded(data, len(numbers)).tolist() == numbers


def test_a_long_block_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = np.random.default_rng(1).integers(1, 5000, 2000).tolist()
    data = omega.encoded(numbers)
    monkeypatch.setattr(omega, "_PIECE", 7)

    assert omega.decoded(data, len(numbers)).tolist() == numbers


@pytest.mark.parametrize("data", [b"\xff" * 40, omega.encoded([1 << 31])[:3], b"\xfe"])
def test_what_is_cut_short_or_endless_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        omega.decoded(data, 100)
