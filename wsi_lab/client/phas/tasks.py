"""Tasks of any mode, and their label sets."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any, ClassVar

from wsi_lab.client.connection import words
from wsi_lab.client.phas.client import Client, fields, member, rows
from wsi_lab.client.phas.connection import no_phas, project_segment
from wsi_lab.client.pictures import whole
from wsi_lab.errors import Invalid


class WrongMode(Invalid, ValueError):
    """The task is of another mode than its class is for. Also a `ValueError`."""

    code = "wrong_mode"


class Labelset:
    """The labels that a task's shapes may have.

    Parameters
    ----------
    client
        The session.
    project
        The id of the project it belongs to.
    labelset_id
        Its own id.
    """

    def __init__(self, client: Client, project: str, labelset_id: int) -> None:
        self.client = client
        self.project = project
        self.labelset_id = number(labelset_id)

    def __repr__(self) -> str:
        return f"<Labelset {self.labelset_id} of project {self.project!r}>"

    def label_listing(self) -> list[dict[str, Any]]:
        """Return the labels, a row each, by id.

        The rows have ``id``, ``name``, ``description``, ``color`` (``#rrggbb``), ``n_samples`` and
        ``n_sampling_rois``.
        """
        project = project_segment(self.project)
        path = f"dltrain/api/{project}/labelset/{self.labelset_id}/labels"
        return rows(self.client.connection.get_json(path))


class Task:
    """A task of any mode: some of a project's slides, and what is to be done with them.

    Parameters
    ----------
    client
        The session.
    task_id
        As `Client.task_listing` gives it.

    Attributes
    ----------
    detail
        What the server says of the task: ``name``, ``project``, ``mode``, ``desc`` …
    project
        The id of its project.
    """

    _mode: ClassVar[str | None] = None

    def __init__(self, client: Client, task_id: int) -> None:
        self.client = client
        self.task_id = number(task_id)
        answer = client.connection.get_json(f"api/task/{self.task_id}/info")
        self.detail = fields(answer, "project", "mode")
        self.project = str(self.detail["project"])
        self._labelset: Labelset | None = None
        mode = self.detail["mode"]
        if self._mode not in {None, mode}:
            raise WrongMode(
                f"{type(self).__name__} is for tasks of mode {self._mode!r}; "
                f"task {self.task_id} is of mode {mode!r}."
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.task_id} of project {self.project!r}>"

    def __str__(self) -> str:
        return "\n".join(
            [
                f"Task {self.task_id}: {self.detail.get('name')}",
                f"  Project: {self.project}",
                f"  Description: {self.detail.get('desc') or ''}",
                f"  Mode: {self.detail.get('mode')}",
            ]
        )

    def slide_manifest(  # noqa: PLR0917 (as in phas)
        self,
        specimen: str | None = None,
        block: str | None = None,
        section: int | str | None = None,
        slide: int | str | None = None,
        stain: str | None = None,
        min_paths: int | None = None,
        min_markers: int | None = None,
        min_sroi: int | None = None,
        tags_any: Iterable[str] | None = None,
        tags_all: Iterable[str] | None = None,
        tags_none: Iterable[str] | None = None,
    ) -> dict[str, dict[int, Any]]:
        """Return the task's slides as columns: a dict of dicts, as `pandas.DataFrame` takes it.

        All conditions hold together.

        Parameters
        ----------
        specimen, block
            Patterns: ``%`` for any signs, ``_`` for one; in any case. Specimens are found by their
            private names, and not while those are hidden.
        section, slide
            Of that number.
        stain
            Exactly that one.
        min_paths, min_markers, min_sroi
            With at least so many paths, markers or sampling ROIs in the task.
        tags_any, tags_all, tags_none
            With at least one, with all, with none of these.
        """
        return columns(
            self._manifest(
                specimen=specimen,
                block=block,
                section=section,
                slide=slide,
                stain=stain,
                min_paths=min_paths,
                min_markers=min_markers,
                min_sroi=min_sroi,
                tags_any=_tags(tags_any),
                tags_all=_tags(tags_all),
                tags_none=_tags(tags_none),
            )
        )

    def _manifest(self, **conditions: Any) -> bytes:
        path = f"api/task/{self.task_id}/slide_detailed_manifest.csv"
        return self.client.connection.get(path, conditions)

    @property
    def labelset(self) -> Labelset | None:
        """The task's label set; `None` when it has none. Read once."""
        if self._labelset is None:
            answer = self.client.connection.get_json(f"api/task/{self.task_id}/labelset")
            found = member(answer, "id", default=None)
            if found:
                self._labelset = Labelset(self.client, self.project, found)
        return self._labelset


def number(given: Any) -> int:
    """Return an id, of any type of whole numbers, as an int."""
    return whole(given, "Ids are whole numbers, as the listings give them.")


def columns(manifest: bytes, **options: Any) -> dict[str, dict[int, Any]]:
    """Return a manifest's columns, from row numbers to values; blanks are NaN.

    Parameters
    ----------
    options
        Of `pandas.read_csv`.
    """
    import pandas as pd  # noqa: PLC0415 (half a second, only for those who list slides)

    try:
        table = pd.read_csv(io.BytesIO(manifest), **options)
    except ValueError as error:
        raise no_phas() from error
    if "id" not in table.columns:
        raise no_phas()
    return {str(name): dict(column) for name, column in table.to_dict().items()}


def _tags(given: Iterable[str] | None) -> list[str] | None:
    return None if given is None else words(given)
