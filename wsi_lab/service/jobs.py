"""Work that takes long: it tells how far it is, and can be stopped."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import functools
import logging
import secrets
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from wsi_lab.errors import Busy, NotFound, WsiLabError
from wsi_lab.model.job import Job, JobState
from wsi_lab.model.people import Actor
from wsi_lab.service.clock import Clock

__all__ = ["Job", "JobState", "Jobs", "Stopped", "Task"]

LOG = logging.getLogger("wsi_lab.jobs")

THREADS = 2
MOST_UNDER_WAY = 32
KEPT = timedelta(hours=1)
"""For so long one can ask what became of a job."""
SECONDS_TO_STOP = 30.0


class Stopped(Exception):
    """Work was stopped before it was done; nothing of it is stored."""


class Task:
    """What the work of a job tells of itself, and is told."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._stopped = threading.Event()
        self._lock = threading.Lock()

    @property
    def job(self) -> Job:
        """The job as it is now."""
        with self._lock:
            return self._job

    @property
    def is_stopped(self) -> bool:
        """Whether nobody wants it any more."""
        return self._stopped.is_set()

    def check(self) -> None:
        """Raise `Stopped` when nobody wants it any more."""
        if self.is_stopped:
            raise Stopped

    def tell(self, progress: float, words: str | None = None) -> None:
        """Say how much is done, from 0 to 1, and what comes now."""
        with self._lock:
            words = self._job.words if words is None else words
            progress = min(1.0, max(self._job.progress, progress))
            self._job = dataclasses.replace(self._job, progress=progress, words=words)

    def stop(self) -> None:
        """Say that nobody wants it any more."""
        self._stopped.set()

    def become(self, state: JobState, **changes: Any) -> None:
        """Note how far the job has come; what is over stays so."""
        with self._lock:
            if not self._job.state.is_over:
                self._job = dataclasses.replace(self._job, state=state, **changes)


Work = Callable[[Task], Any]


class Jobs:
    """What is being worked on, and what was a while ago.

    Jobs are not remembered by the lab: with the process that ran them they are gone, and what
    they had not stored by then is not stored.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tasks: dict[str, Task] = {}
        self._futures: dict[str, concurrent.futures.Future[None]] = {}
        self._executor: concurrent.futures.ThreadPoolExecutor | None = None
        self._is_closed = False

    def start(
        self,
        actor: Actor,
        title: str,
        work: Work,
        *,
        afterwards: Callable[[], None] | None = None,
    ) -> Job:
        """Begin work in a thread and return the job that it is.

        Parameters
        ----------
        work
            Is given a `Task`, by which it tells how far it is. What it returns is the job's
            result.
        afterwards
            Called once, whatever became of it; also when it never began.

        Raises
        ------
        Busy
            Too much is under way already; `afterwards` was called.
        """
        job = Job(
            id=secrets.token_hex(16),
            title=title,
            user_id=actor.user.id,
            token_id=None if actor.token is None else actor.token.id,
            state=JobState.WAITING,
            progress=0.0,
            words="",
            result=None,
            error=None,
            started_on=self._clock.now(),
            ended_on=None,
        )
        task = Task(job)
        end = functools.partial(self._ended, task, afterwards or _nothing)
        with self._lock:
            self._forget_old()
            future = None if self._is_full() else self._submit(task, work)
            if future is not None:
                self._tasks[job.id] = task
                self._futures[job.id] = future
        if future is None:
            end(None)
            raise Busy("The lab has as much work as it can take on; ask again in a while.")
        future.add_done_callback(end)
        return task.job

    def get(self, actor: Actor, job_id: str) -> Job:
        """Return a job that the asker started; a site administrator sees all.

        With a token that is limited one sees only what was started with that token: a job tells
        of what it works on.

        Raises
        ------
        NotFound
            There is none, or it ended too long ago.
        """
        return self._task(actor, job_id).job

    def stop(self, actor: Actor, job_id: str) -> Job:
        """Stop a job and return it as it is then: nothing of it is stored, unless it is done.

        It may take a moment until it is over.
        """
        task = self._task(actor, job_id)
        task.stop()
        with self._lock:
            future = self._futures.get(job_id)
        if future is not None:
            # One that waits is over at once.
            future.cancel()
        return task.job

    def close(self) -> None:
        """Stop all of it, and wait until it has stopped."""
        with self._lock:
            self._is_closed = True
            tasks, futures = list(self._tasks.values()), list(self._futures.values())
            executor, self._executor = self._executor, None
        for task in tasks:
            task.stop()
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)
        # What was cancelled before it began is never done, as waiting understands it.
        under_way = [each for each in futures if not each.cancelled()]
        concurrent.futures.wait(under_way, timeout=SECONDS_TO_STOP)

    def _is_full(self) -> bool:
        return self._is_closed or len(self._futures) >= MOST_UNDER_WAY

    def _submit(self, task: Task, work: Work) -> concurrent.futures.Future[None]:
        if self._executor is None:
            self._executor = concurrent.futures.ThreadPoolExecutor(
                THREADS, thread_name_prefix="wsi-lab-job"
            )
        return self._executor.submit(self._run, task, work)

    def _run(self, task: Task, work: Work) -> None:
        task.become(JobState.RUNNING)
        try:
            task.check()
            result = work(task)
        except Stopped:
            task.become(JobState.STOPPED, ended_on=self._clock.now())
        except WsiLabError as error:
            self._failed(task, error)
        except MemoryError:
            self._failed(
                task, WsiLabError("This needs more memory than there is on the lab's machine.")
            )
        except Exception:
            LOG.exception("Unforeseen, in the job '%s'", task.job.title)
            self._failed(task, WsiLabError("Something went wrong in the lab. Its log says more."))
        else:
            task.tell(1.0, "")
            task.become(JobState.DONE, result=result, ended_on=self._clock.now())

    def _failed(self, task: Task, error: WsiLabError) -> None:
        task.become(JobState.FAILED, error=error, ended_on=self._clock.now())

    def _ended(
        self,
        task: Task,
        afterwards: Callable[[], None],
        _future: concurrent.futures.Future[None] | None,
    ) -> None:
        task.become(JobState.STOPPED, ended_on=self._clock.now())
        with contextlib.suppress(OSError):
            afterwards()
        with self._lock:
            self._futures.pop(task.job.id, None)

    def _task(self, actor: Actor, job_id: str) -> Task:
        with self._lock:
            self._forget_old()
            task = self._tasks.get(job_id)
        if task is None or not _may_see(actor, task.job):
            raise NotFound("There is no such job, or not any more.")
        return task

    def _forget_old(self) -> None:
        oldest = self._clock.now() - KEPT
        for job_id, task in list(self._tasks.items()):
            ended = task.job.ended_on
            if ended is not None and ended < oldest:
                del self._tasks[job_id]


def _may_see(actor: Actor, job: Job) -> bool:
    token = actor.token
    if token is not None and not token.is_unlimited and token.id != job.token_id:
        return False
    return actor.user.is_admin or job.user_id == actor.user.id


def _nothing() -> None:
    """Have nothing to do afterwards."""
