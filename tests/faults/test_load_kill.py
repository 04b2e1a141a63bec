"""A process that is killed while it loads shapes leaves all of them or none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from wsi_lab.demo import prepare
from wsi_lab.model.layer import ShapeQuery
from wsi_lab.model.question import QuestionKind, QuestionSpec
from wsi_lab.service.lab import Lab, LabSettings

FOLDER = Path(__file__).parent

pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize(("last", "count"), [(0.85, 0), (0.98, 0), (1.0, 20_000)])
def test_killed_load_is_whole_or_not_there(tmp_path: Path, last: float, count: int) -> None:
    home = tmp_path / "home"
    prepare(home)
    with Lab.open(LabSettings(home)) as lab:
        owner = lab.people.owner()
        study = lab.studies.list(owner).items[0]
        slide = lab.slides.list(owner, study.id).items[0]
        layer = lab.questions.add(
            owner, study.id, QuestionSpec("Nuclei of the test", QuestionKind.ANNO_SHAPES)
        )
    program = [sys.executable, str(FOLDER / "load_until_killed.py"), str(home)]
    program += [str(layer.id), str(slide.id), str(last)]
    support = str(FOLDER.parent / "support")
    environment = {**os.environ, "PYTHONPATH": support}
    ended = subprocess.run(program, env=environment, check=False, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    with Lab.open(LabSettings(home)) as lab:
        assert lab._database.damage() is None
        query = ShapeQuery(slide_id=slide.id, layer_ids=(layer.id,))
        assert sum(len(found) for found in lab.finder.find(owner, query)) == count
        assert sum(each.count for each in lab.finder.counts(owner, layer.id)) == count
        rows = lab.results.rows(owner, study.id, question=layer.name)
        assert len(rows) == (1 if count else 0)
        (chunks,) = lab._database.read(
            lambda c: c.execute(
                "SELECT count(*) FROM bulk_bodies b LEFT JOIN bulk_chunks k ON k.id = b.chunk_id "
                "LEFT JOIN bulk_loads l ON l.id = k.load_id WHERE l.id IS NULL"
            ).fetchone()
        )
        assert chunks == 0
