from __future__ import annotations

from typing import Any

from drawn_arrays import drawn_array
from PIL import Image


def test_cores_are_found_by_name_of_study_and_slide(run: Any, slides: Any) -> None:
    picture = drawn_array(3, rows=4, columns=5, longest=400).picture
    Image.fromarray(picture).save(slides / "array.png")
    run("study", "create", "TMA")
    run("study", "add-slides", "TMA", slides / "array.png", slides / "a.svs")
    found = run("study", "fit-cores", "TMA", "array", "--json").json
    assert (found["tma_map"], found["row_count"], found["column_count"]) == ("array", 4, 5)
    assert found["confidence"] > 0.8
    told = run("study", "fit-cores", "TMA", "array")
    assert "4 rows and 5 columns" in told.err + told.out

    refused = run("study", "fit-cores", "TMA", "a", "--rows", 3)
    assert refused.code == 1
    assert "No grid of cores was found" in refused.err
    assert run("study", "fit-cores", "TMA", "other").code == 1
    assert run("study", "fit-cores", "TMA", "a", "--rows", 0).code == 2
