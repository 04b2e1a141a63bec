"""Work that takes long: told, stopped, and asked for afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.waiting import wait_until
from wsi_lab.errors import Busy, Invalid, NotFound
from wsi_lab.model.job import Job, JobState
from wsi_lab.model.people import ALL_CAPABILITIES, Actor, Token
from wsi_lab.service import jobs as module
from wsi_lab.service.clock import Clock
from wsi_lab.service.jobs import Jobs, Task
from wsi_lab.service.lab import Lab


@pytest.fixture
def jobs(clock: Any) -> Iterator[Jobs]:
    made = Jobs(Clock(clock))
    yield made
    made.close()


@pytest.fixture
def over(jobs: Jobs, owner: Actor) -> Callable[[Job], Job]:
    """Return a function that waits until a job is over."""

    def wait(job: Job) -> Job:
        wait_until(lambda: jobs.get(owner, job.id).state.is_over)
        return jobs.get(owner, job.id)

    return wait


def test_result_of_work_can_be_asked_for(jobs: Jobs, owner: Actor, over: Any) -> None:
    done = over(jobs.start(owner, "count", lambda task: task.tell(0.5, "counting") or 42))
    assert (done.state, done.result, done.progress, done.title) == ("done", 42, 1.0, "count")
    assert done.ended_on is not None


def test_job_tells_how_far_it_is(jobs: Jobs, owner: Actor, over: Any) -> None:
    go_on, told = threading.Event(), threading.Event()

    def work(task: Task) -> None:
        task.tell(0.5, "half")
        task.tell(0.25)
        told.set()
        assert go_on.wait(10)

    job = jobs.start(owner, "wait", work)
    assert told.wait(10)
    now = jobs.get(owner, job.id)
    assert (now.state, now.progress, now.words, now.ended_on) == ("running", 0.5, "half", None)
    go_on.set()
    assert over(job).state is JobState.DONE


def test_failure_tells_why(jobs: Jobs, owner: Actor, over: Any) -> None:
    def work(_task: Task) -> None:
        raise Invalid("The file is broken.", problems=["line 3"])

    failed = over(jobs.start(owner, "read", work))
    assert failed.state is JobState.FAILED
    assert failed.error.message == "The file is broken."
    assert failed.error.problems == ("line 3",)


def test_what_nobody_foresaw_is_logged_and_not_told(
    jobs: Jobs, owner: Actor, over: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def work(_task: Task) -> None:
        raise ZeroDivisionError("/secret/path")

    failed = over(jobs.start(owner, "divide", work))
    assert failed.state is JobState.FAILED
    assert "secret" not in failed.error.message
    assert "/secret/path" in caplog.text


def test_running_work_is_stopped_when_it_looks(jobs: Jobs, owner: Actor, over: Any) -> None:
    started, ended = threading.Event(), []

    def work(task: Task) -> None:
        started.set()
        wait_until(lambda: task.is_stopped)
        task.check()

    job = jobs.start(owner, "wait", work, afterwards=lambda: ended.append(True))
    assert started.wait(10)
    jobs.stop(owner, job.id)
    stopped = over(job)
    assert (stopped.state, stopped.result, stopped.error) == (JobState.STOPPED, None, None)
    wait_until(lambda: ended == [True])


def test_waiting_work_that_is_stopped_never_begins(jobs: Jobs, owner: Actor) -> None:
    go_on, begun, ended = threading.Event(), [], []
    blocking = [jobs.start(owner, "b", lambda _: go_on.wait(10)) for _ in range(module.THREADS)]
    job = jobs.start(owner, "w", begun.append, afterwards=lambda: ended.append(True))
    assert jobs.stop(owner, job.id).state is JobState.STOPPED
    assert ended == [True]
    go_on.set()
    wait_until(lambda: all(jobs.get(owner, each.id).state.is_over for each in blocking))
    assert begun == []


def test_too_much_work_is_refused_and_cleaned_up(
    jobs: Jobs, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_UNDER_WAY", 1)
    go_on, ended = threading.Event(), []
    jobs.start(owner, "first", lambda _: go_on.wait(10))
    with pytest.raises(Busy):
        jobs.start(owner, "second", lambda _: None, afterwards=lambda: ended.append(True))
    assert ended == [True]
    go_on.set()


def test_jobs_of_others_are_hidden_from_all_but_administrators(
    lab: Lab, owner: Actor, as_user: Callable[..., Actor]
) -> None:
    anna, ben = as_user("anna@lab"), as_user("ben@lab")
    job = lab.jobs.start(anna, "hers", lambda _: None)
    assert lab.jobs.get(anna, job.id).id == job.id
    assert lab.jobs.get(owner, job.id).id == job.id
    for ask in (lab.jobs.get, lab.jobs.stop):
        with pytest.raises(NotFound):
            ask(ben, job.id)


def test_limited_token_sees_only_the_jobs_it_started(jobs: Jobs, owner: Actor, clock: Any) -> None:
    def token(token_id: int, *studies: str) -> Token:
        none: frozenset[str] = frozenset()
        made = (ALL_CAPABILITIES, frozenset(studies), none, none, clock(), None)
        return Token(token_id, owner.user.id, "made", *made)

    whole, limited = (replace(owner, token=each) for each in (token(1), token(2, "elsewhere")))
    job, own = (jobs.start(each, "work", lambda _: None) for each in (whole, limited))
    for ask in (jobs.get, jobs.stop):
        with pytest.raises(NotFound):
            ask(limited, job.id)
    assert jobs.get(limited, own.id).id == own.id
    assert {jobs.get(whole, each.id).id for each in (job, own)} == {job.id, own.id}


def test_jobs_are_forgotten_after_a_while(jobs: Jobs, owner: Actor, over: Any, clock: Any) -> None:
    job = over(jobs.start(owner, "x", lambda _: None))
    clock.time += module.KEPT
    assert jobs.get(owner, job.id) == job
    clock.time += timedelta(seconds=1)
    with pytest.raises(NotFound):
        jobs.get(owner, job.id)


def test_closing_stops_all_and_takes_nothing_more(jobs: Jobs, owner: Actor) -> None:
    seen: list[bool] = []

    def work(task: Task) -> None:
        wait_until(lambda: task.is_stopped)
        seen.append(True)

    started = [jobs.start(owner, "x", work) for _ in range(module.THREADS + 1)]
    wait_until(lambda: jobs.get(owner, started[0].id).state is JobState.RUNNING)
    begun = time.monotonic()
    jobs.close()
    assert time.monotonic() - begun < module.SECONDS_TO_STOP / 2
    assert all(jobs.get(owner, each.id).state.is_over for each in started)
    with pytest.raises(Busy):
        jobs.start(owner, "late", work)
