"""Topic *scores*: answers in and out, through the vendor's own client and through ours."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import score_inserts, score_tables
from bench.report import Bound, Findings, Goal, Table
from bench.score_tables import READY_SECONDS, SERVE, SLIDE
from wsi_lab.model.question import QuestionKind, QuestionSpec
from wsi_lab.service.lab import Lab, LabSettings
from wsi_lab.service.new_slides import NewSlide


@dataclass(frozen=True)
class Size:
    """How large a study is, and how long its answers may take in and out."""

    what: str
    slides: int
    questions: int
    readers: int
    seconds_in: float
    seconds_out: float

    @property
    def answers(self) -> int:
        return self.slides * self.questions * self.readers


SIZES = (
    Size("the Nottingham grading", 100, 4, 9, 2, 2),
    Size("a large study", 500, 30, 20, 30, 5),
)


def measure(rounds: int, say: Callable[[str], None]) -> Findings:
    """Take answers in and out in every way there is."""
    findings = Findings("scores")
    _through_sdk(findings, rounds, say)
    say("  scores: storing 300,000 answers")
    with score_tables.scored() as there:
        for part in (
            score_tables.measure(there, 3 * rounds, say),
            score_inserts.measure(there, rounds, say),
        ):
            findings.tables += part.tables
            findings.goals += part.goals
            findings.failures += part.failures
            findings.left_out += part.left_out
            findings.rounds |= part.rounds
    return findings


def _through_sdk(findings: Findings, rounds: int, say: Callable[[str], None]) -> None:
    """Send whole tables of results with the released SDK and get them back."""
    try:
        from slidescore import APIClient
    except ImportError:
        findings.left_out.append("Slide Score's SDK is missing; `make test` installs it.")
        return
    rows: list[list[str | float]] = []
    for size in SIZES:
        times: dict[str, list[float]] = {"in": [], "in again": [], "out": []}
        for number in range(rounds):
            say(f"  scores: {size.answers:,} answers, round {number + 1} of {rounds}")
            with served(size) as (url, token, study, slides):
                client = APIClient(url, token)
                sent = _answers(size, slides)
                for what in ("in", "in again"):
                    took, _ = _timed(client.upload_results, study, sent)
                    times[what].append(took)
                took, got = _timed(client.get_results, study)
                times["out"].append(took)
                if [row.toRow() for row in got] != [row.toRow() for row in sent]:
                    findings.failures.append(f"{size.what}: what came out is not what went in")
        rows.append([size.what, size.answers, *(min(each) for each in times.values())])
        for way, limit in (("in", size.seconds_in), ("out", size.seconds_out)):
            findings.goals.append(
                Goal(
                    f"{size.answers:,} answers {way}",
                    Bound.AT_MOST,
                    limit,
                    tuple(times[way]),
                    unit="s",
                )
            )
    columns = ("study", "answers", "in, s", "equal again, s", "out, s")
    notes = ["The client's own time to make and to parse the table is part of it."]
    findings.tables.append(Table("Slide Score's SDK, best of the rounds", columns, rows, notes))


@contextmanager
def served(size: Size) -> Iterator[tuple[str, str, int, list[int]]]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        with Lab.open(LabSettings(home=home)) as lab:
            owner = lab.people.owner()
            _, token = lab.people.create_token(owner, name="bench", capabilities=["all"])
            study = lab.studies.create(owner, "bench")
            for number in range(size.questions):
                spec = QuestionSpec(f"question {number}", QuestionKind.INTEGER)
                lab.questions.add(owner, study.id, spec)
            news = [NewSlide(SLIDE, name=f"slide {n}") for n in range(size.slides)]
            slides = [slide.id for slide in lab.slides.add_many(owner, study.id, news)]
        command = [sys.executable, "-c", SERVE, str(home)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                yield process.stdout.readline().strip(), token, study.id, slides
            finally:
                process.terminate()
                process.wait(READY_SECONDS)


def _answers(size: Size, slides: list[int]) -> list[Any]:
    from slidescore.slidescore import SlideScoreResult

    return [
        SlideScoreResult(
            {
                "id": 0,
                "imageID": slide,
                "imageName": f"slide {position}",
                "user": f"reader{reader}@example.org",
                "question": f"question {question}",
                "answer": str((position + reader + question) % 4),
            }
        )
        for position, slide in enumerate(slides)
        for reader in range(size.readers)
        for question in range(size.questions)
    ]


def _timed(work: Callable[..., Any], *args: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    answer = work(*args)
    return time.perf_counter() - started, answer
