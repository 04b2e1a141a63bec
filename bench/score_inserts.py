"""Answers one by one, each on disk before it is acknowledged: how many a second, and how soon."""

from __future__ import annotations

import itertools
import os
import shutil
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench.report import Bound, Findings, Goal, Table, medians, ratios
from bench.score_tables import QUESTIONS, SLIDES, Scored
from wsi_lab.model.answer import NewAnswer, Place
from wsi_lab.store import answers
from wsi_lab.store.answers import AnswerRow
from wsi_lab.store.columns import time_text
from wsi_lab.store.db import Database

SECONDS = 2.0
MANY = 20
LIMIT = "fdatasync of 4 kB (limit)"
_NOW = time_text(datetime(2026, 11, 22, tzinfo=UTC))

Give = Callable[[str, int], object]
"""Gives an answer as an author, who counts theirs."""


def measure(there: Scored, rounds: int, say: Callable[[str], None]) -> Findings:
    """Let one author, then many, give answers that are new."""
    findings = Findings("score inserts")
    names = [question.name for question in there.lab.questions.list(there.owner, 1)]
    slides = sorted(there.study.slides.to_frame().index)
    rounds_so_far = itertools.count()
    with _store(there) as store:

        def submit(author: str, number: int) -> object:
            slide, question = divmod(number, QUESTIONS)
            new = NewAnswer(names[question], Place(slides[slide % SLIDES]), author, "present")
            return there.lab.results.submit(there.owner, 1, new)

        def post(_author: str, number: int) -> object:
            # Over the client one answers in one's own name: the same places, another word.
            slide, question = divmod(number, QUESTIONS)
            word = f"present {next(rounds_so_far)}"
            return there.study.submit(names[question], word, slide=int(slides[slide % SLIDES]))

        cases: dict[str, tuple[Give, int]] = {
            "the store, 1 author": (store, 1),
            f"the store, {MANY} authors": (store, MANY),
            "results.submit, 1 author": (submit, 1),
            f"results.submit, {MANY} authors": (submit, MANY),
            "study.submit over HTTP, 1 author": (post, 1),
        }
        for number in range(rounds):
            say(f"  score inserts: round {number + 1} of {rounds}")
            limit = {"rate": _fdatasync_rate(there.folder / "limit"), "p50": 0.0, "p99": 0.0}
            findings.rounds.setdefault(LIMIT, []).append(limit)
            for name, (give, authors) in cases.items():
                figures = _run(give, authors, f"{name} {number}")
                findings.rounds.setdefault(name, []).append(figures)
    findings.tables.append(_table(findings))
    findings.goals += _goals(findings)
    return findings


@contextmanager
def _store(there: Scored) -> Iterator[Give]:
    """Yield what stores a bare answer in a lab of its own: no rights, no audit, no history."""
    path = Path(shutil.copy(there.copy, there.folder / "store.sqlite3"))
    database = Database(path)
    question = itertools.count(1 << 20)
    ids = itertools.count(1 << 30)

    def give(author: str, number: int) -> object:
        row = AnswerRow(
            *(next(ids), 1, 1 + number % QUESTIONS, 1 + number // QUESTIONS % SLIDES, None),
            *(next(question), 0, None, author, "present", None, _NOW, 1, "bench", 1),
        )
        return database.write(lambda connection: answers.add_answers(connection, [row]))

    try:
        yield give
    finally:
        database.close()
        path.unlink()


def _run(give: Give, authors: int, prefix: str) -> dict[str, float]:
    took: list[float] = []
    stop = time.perf_counter() + SECONDS

    def work(author: str) -> None:
        for number in itertools.count():
            began = time.perf_counter()
            if began > stop:
                return
            give(author, number)
            took.append(time.perf_counter() - began)

    threads = [threading.Thread(target=work, args=(f"{prefix} {n}@lab",)) for n in range(authors)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    return {
        "rate": len(took) / seconds,
        "p50": statistics.median(took) * 1e3,
        "p99": statistics.quantiles(took, n=100)[98] * 1e3,
    }


def _fdatasync_rate(path: Path) -> float:
    block, count = b"x" * 4096, 0
    file = os.open(path, os.O_CREAT | os.O_WRONLY)
    began = time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        os.pwrite(file, block, count % 256 * len(block))
        os.fdatasync(file)
        count += 1
    os.close(file)
    return count / (time.perf_counter() - began)


def _table(findings: Findings) -> Table:
    middle = {name: medians(each) for name, each in findings.rounds.items()}
    rows = [
        [name, one["rate"], one["rate"] / middle[LIMIT]["rate"], one["p50"], one["p99"]]
        for name, one in middle.items()
    ]
    columns = ("answers, each durable", "a second", "× limit", "p50 ms", "p99 ms")
    notes = [
        "The store is one INSERT and its indexes; results.submit is what a key press costs: who",
        "asks and may they, the question and the place, the answer, its history and the audit.",
    ]
    return Table("Durable answers", columns, rows, notes)


def _goals(findings: Findings) -> list[Goal]:
    goals = []
    for authors, least in (("1 author", 0.7), (f"{MANY} authors", 2.0)):
        for verb in ("the store", "results.submit"):
            name = f"{verb}, {authors}"
            found = ratios(findings.rounds, name, LIMIT, "rate")
            goals.append(Goal(f"{name}, of the limit", Bound.AT_LEAST, least, found))
    for verb in ("the store", "results.submit"):
        name = f"{verb}, {MANY} authors"
        slowest = tuple(each["p99"] for each in findings.rounds[name])
        goals.append(Goal(f"{name}: p99", Bound.AT_MOST, 5, slowest, unit="ms"))
    return goals
