"""300,000 answers as a frame, as a wide frame and as a table, beside what others need for it."""

from __future__ import annotations

import csv
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

import wsi_lab
from bench import machine
from bench.cpu import cpu_seconds
from bench.report import Bound, Findings, Goal, Table, medians, ratios
from wsi_lab.client.score_frames import frame_of_stream
from wsi_lab.model.answer import ResultRow, WantedAnswers
from wsi_lab.model.people import Actor
from wsi_lab.model.question import QuestionKind, QuestionSpec
from wsi_lab.service.lab import Lab, LabSettings
from wsi_lab.service.new_slides import NewSlide
from wsi_lab.service.scoring.score_tables import TableForm

SLIDE = Path(__file__).parents[1] / "wsi_lab" / "demo" / "CMU-1-Small-Region.svs"
SLIDES, QUESTIONS, READERS = 500, 30, 20
READY_SECONDS = 30
_BEGAN = datetime(2026, 11, 1, 8, tzinfo=UTC)
SERVE = """
import sys
from pathlib import Path
from wsi_lab.server.app import serve
from wsi_lab.service.lab import LabSettings
told = lambda url: print(url, flush=True)
sys.exit(serve(LabSettings(home=Path(sys.argv[1])), port=0, started=told))
"""
_FROM = """FROM answers a JOIN questions q ON q.id = a.question_id
LEFT JOIN slides s ON s.id = a.slide_id LEFT JOIN cases c ON c.id = coalesce(a.case_id, s.case_id)
WHERE a.study_id = 1 AND q.removed_on IS NULL ORDER BY a.id"""
_TIDY = f"""SELECT c.public_name AS "case", s.name AS slide, a.slide_id, a.core_row, a.core_column,
a.core_sample, a.author AS reader, q.name AS question, q.kind, a.value AS answer, a.answered_on,
a.id AS answer_id, a.revision {_FROM}"""
_RESULTS = f"""SELECT c.public_name AS CaseName, a.slide_id AS ImageID, s.name AS "Image Name",
a.author AS "By", q.name AS Question, a.value AS Answer, a.answered_on AS lastModifiedOn {_FROM}"""

Work = Callable[[], object]


@dataclass(frozen=True)
class Scored:
    """A lab with many answers: open here, served by another process, and copied for others.

    Attributes
    ----------
    copy
        Of its database. No second SQLite may open the one that is in use.
    """

    lab: Lab
    owner: Actor
    study: Any
    copy: Path
    folder: Path


def measure(there: Scored, rounds: int, say: Callable[[str], None]) -> Findings:
    """Measure everybody once a round, in mixed order."""
    findings = Findings("score tables")
    works = _works(there, findings)
    for work in works.values():
        work()
    for number in range(rounds):
        say(f"  score tables: round {number + 1} of {rounds}")
        for name in random.Random(number).sample(sorted(works), len(works)):
            there.study.connection.kept_tables.clear()
            if name.endswith("unchanged"):
                works[name]()
            findings.rounds.setdefault(name, []).append(_timed(works[name]))
    _check(there, findings)
    for what, peer in (("frame", "pandas.read_sql"), ("wide", "read_sql + pivot"), ("TSV", "")):
        findings.tables.append(_table(findings, what, f"{what}: {peer or 'read_sql + to_csv'}"))
    findings.goals += _goals(findings)
    return findings


@contextmanager
def scored() -> Iterator[Scored]:
    """Yield a lab whose study has all the answers."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = folder / "home"
        with Lab.open(LabSettings(home=home)) as lab:
            owner = lab.people.owner()
            _fill(lab, owner)
            _, token = lab.people.create_token(owner, name="bench", capabilities=["all"])
        copy = Path(shutil.copy(home / "lab.sqlite3", folder / "copy.sqlite3"))
        command = [sys.executable, "-c", SERVE, str(home)]
        with (
            Lab.open(LabSettings(home=home)) as lab,
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        ):
            try:
                assert process.stdout is not None
                client = wsi_lab.connect(process.stdout.readline().strip(), token=token)
                yield Scored(lab, lab.people.owner(), client.studies["bench"], copy, folder)
                client.close()
            finally:
                process.terminate()
                process.wait(READY_SECONDS)


def _fill(lab: Lab, owner: Actor) -> None:
    chance = random.Random(1)
    study = lab.studies.create(owner, "bench")
    for number in range(QUESTIONS):
        spec = QuestionSpec(f"q{number:02d} pattern", QuestionKind.FREE_TEXT)
        lab.questions.add(owner, study.id, spec)
    news = [
        NewSlide(SLIDE, name=f"TCGA-{n:04d}-01Z-00-DX1", case_public=f"TCGA-{n // 2:04d}",
                 case=f"private {n // 2:04d}")
        for n in range(SLIDES)
    ]  # fmt: skip
    said = [0, 1, 2, 3, "absent", "present"]
    rows = [
        ResultRow(
            slide.id,
            f"reader{reader:02d}@example.org",
            f"q{question:02d} pattern",
            str(chance.choice([*said, round(chance.random() * 100, 1)])),
            answered_on=_BEGAN + timedelta(milliseconds=chance.randrange(10**9)),
        )
        for slide in lab.slides.add_many(owner, study.id, news)
        for reader in range(READERS)
        for question in range(QUESTIONS)
    ]
    lab.results.import_rows(owner, study.id, rows)


def _works(there: Scored, findings: Findings) -> dict[str, Work]:
    shell = machine.program("sqlite3")
    if shell is None:
        findings.left_out.append("SQLite's shell is missing: apt-get install sqlite3")
    places = ["case", "slide", "reader"]

    def table(form: TableForm, to: Any) -> Any:
        there.lab.score_tables.write(there.owner, 1, WantedAnswers(), form, to)
        return to

    def frame() -> Any:
        return frame_of_stream(table(TableForm.ARROW, BytesIO()).getvalue())

    def read_sql(query: str = _TIDY) -> pd.DataFrame:
        with sqlite3.connect(there.copy) as connection:
            return pd.read_sql(query, connection)

    def written() -> None:
        with (there.folder / "lab.tsv").open("wb") as file:
            table(TableForm.RESULTS, file)

    def csv_writer() -> None:
        with (
            sqlite3.connect(there.copy) as connection,
            (there.folder / "csv.tsv").open("w", newline="") as file,
        ):
            csv.writer(file, "excel-tab").writerows(connection.execute(_RESULTS))

    def shell_out() -> None:
        command = [shell or "", "-readonly", str(there.copy), ".mode tabs", ".headers on", _RESULTS]
        with (there.folder / "shell.tsv").open("wb") as file:
            subprocess.run(command, stdout=file, check=True)

    pandas_tsv = there.folder / "pandas.tsv"
    works: dict[str, Work] = {
        "frame: pandas.read_sql": read_sql,
        "frame: lab, in one process": frame,
        "frame: study.scores(), over HTTP": there.study.scores,
        "frame: study.scores(), unchanged": there.study.scores,
        "wide: read_sql + pivot": lambda: read_sql().pivot(  # noqa: PD010 (nothing to aggregate)
            index=places, columns="question", values="answer"
        ),
        "wide: lab, in one process": lambda: frame().wide(),
        "wide: study.scores().wide(), over HTTP": lambda: there.study.scores().wide(),
        "TSV: read_sql + to_csv": lambda: read_sql(_RESULTS).to_csv(
            pandas_tsv, sep="\t", index=False
        ),
        "TSV: csv.writer over sqlite3": csv_writer,
        "TSV: lab, in one process": written,
        "TSV: study.export_scores(), over HTTP": lambda: there.study.export_scores(
            there.folder / "http.tsv"
        ),
    }
    if shell is not None:
        works["TSV: sqlite3 shell"] = shell_out
    return works


def _timed(work: Work) -> dict[str, float]:
    began, spent = time.perf_counter(), _spent()
    work()
    return {
        "ms": (time.perf_counter() - began) * 1e3,
        "cpu_ms": (_spent() - spent) * 1e3,
    }


def _spent() -> float:
    # psutil does not see children that have ended.
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return cpu_seconds() + ended.ru_utime + ended.ru_stime


def _check(there: Scored, findings: Findings) -> None:
    """Compare what was measured, so that nobody is fast at something else."""
    with sqlite3.connect(there.copy) as connection:
        theirs = pd.read_sql(_TIDY, connection)
    ours = pd.DataFrame(there.study.scores())
    ours["case"] = ours["case"].str.replace("private ", "TCGA-")
    if not all(
        (ours[name] == theirs[name]).all()
        for name in ("case", "slide", "slide_id", "reader", "question", "answer", "answer_id")
    ):
        findings.failures.append("the lab's frame is not what is in the database")
    if (there.folder / "lab.tsv").read_bytes() != (there.folder / "http.tsv").read_bytes():
        findings.failures.append("the lab's two tables differ")


def _table(findings: Findings, what: str, peer: str) -> Table:
    middle = {
        name: medians(each) for name, each in findings.rounds.items() if name.startswith(what)
    }
    rows = [
        [
            name.partition(": ")[2],
            one["ms"],
            one["cpu_ms"],
            one["ms"] / middle[peer]["ms"],
            one["cpu_ms"] / middle[peer]["cpu_ms"],
        ]
        for name, one in sorted(middle.items(), key=lambda item: item[1]["ms"])
    ]
    columns = (what, "ms", "CPU ms", "× pandas", "CPU × pandas")
    return Table(f"{SLIDES * QUESTIONS * READERS:,} answers: {what}", columns, rows)


def _goals(findings: Findings) -> list[Goal]:
    shell_missing = "SQLite's shell is missing."
    wanted = (
        ("long TSV, of the sqlite3 shell", "TSV: lab, in one process", "TSV: sqlite3 shell", 1.0),
        ("long TSV, of pandas", "TSV: lab, in one process", "TSV: read_sql + to_csv", 0.2),
        ("wide, of read_sql + pivot", "wide: lab, in one process", "wide: read_sql + pivot", 0.3),
        ("frame, of read_sql", "frame: lab, in one process", "frame: pandas.read_sql", 0.3),
        (
            "frame over HTTP, of read_sql",
            "frame: study.scores(), over HTTP",
            "frame: pandas.read_sql",
            0.3,
        ),
        (
            "frame of an unchanged study, of read_sql",
            "frame: study.scores(), unchanged",
            "frame: pandas.read_sql",
            0.03,
        ),
    )
    return [
        Goal(
            what, Bound.AT_MOST, limit, ratios(findings.rounds, ours, theirs, "ms"),
            why_not=shell_missing,
        )
        for what, ours, theirs, limit in wanted
    ]  # fmt: skip
