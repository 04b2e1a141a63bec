"""What all tests share: the real data, and one clean home each."""

from __future__ import annotations

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real slides, annotations and scores, which lie beside the checkout."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("../shared/data is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def demo_slide() -> Path:
    """An Aperio slide: 2220 x 2967 pixels in one level, 240-pixel JPEG tiles coded as RGB."""
    return REPOSITORY / "wsi_lab" / "demo" / "CMU-1-Small-Region.svs"
