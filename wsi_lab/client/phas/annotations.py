"""Tasks in which slides are drawn on freely."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

from wsi_lab.client.phas.annotation_files import SlideNames, read_records, record
from wsi_lab.client.phas.client import member
from wsi_lab.client.phas.connection import as_json
from wsi_lab.client.phas.files import handed_over, write
from wsi_lab.client.phas.tasks import Task, number
from wsi_lab.client.phas.times import iso_text
from wsi_lab.client.pictures import whole

_log = logging.getLogger(__name__)


class AnnotationTask(Task):
    """A task of mode ``annot``.

    Annotations are what paper.js exports, in level-0 pixels: ``[["Layer", {"children": […]}]]``.

    Raises
    ------
    WrongMode
        The task is of another mode.
    """

    _mode = "annot"

    def get_slide_annot_json(self, slide_id: int) -> Any:
        """Return a slide's annotation; `None` when it has none."""
        body = self.client.connection.get(self._path(slide_id, "get"))
        return as_json(body) if body.strip() else None

    def set_slide_annot_json(self, slide_id: int, data: Any) -> bool:
        """Replace a slide's annotation.

        Parameters
        ----------
        data
            As `get_slide_annot_json` gives it.

        Returns
        -------
        bool
            Whether the server says that it has it now.
        """
        answer = self.client.connection.post_json(self._path(slide_id, "set"), data)
        return bool(member(answer, "success", default=False))

    def get_slide_annot_svg(  # noqa: PLR0917 (as in phas)
        self,
        slide_id: int,
        downsample: int = 0,
        stroke_width: int = 480,
        strip_width: int = 0,
        font_size: str = "2000px",
        font_color: str = "black",
        filename: str | os.PathLike[str] | None = None,
    ) -> bytes | None:
        """Return a slide's annotation drawn as SVG.

        Parameters
        ----------
        downsample
            The longer side of the drawing; 0 for the slide's own size. All that follows is in
            level-0 pixels and shrinks with the drawing.
        stroke_width
            Of paths.
        strip_width
            When not 0, each path is drawn as two strips of that width along its sides, instead.
        font_size, font_color
            Of markers.
        filename
            Write the drawing there and return nothing.
        """
        form = {
            "stroke_width": stroke_width,
            "strip_width": strip_width,
            "font_size": font_size,
            "font_color": font_color,
        }
        longest = whole(downsample, "downsample is a whole number of pixels.")
        of_size = f"_{longest}" if longest > 0 else ""
        path = f"api/task/{self.task_id}/slide_{number(slide_id)}_annot{of_size}.svg"
        return handed_over(self.client.connection.post_form(path, form), filename)

    def get_slide_annot_timestamp(self, slide_id: int) -> str | None:
        """Return when a slide's annotation was changed last, as ISO 8601 text in UTC.

        `None` when it has none.
        """
        path = f"api/task/{self.task_id}/slide/{number(slide_id)}/annot/timestamp"
        return iso_text(member(self.client.connection.get_json(path), "timestamp", default=None))

    def export_task_annots(self, filename: str | os.PathLike[str]) -> int:
        """Write the annotations of all slides of the task into a JSON file.

        It is a list of ``{"slide_name", "slide_id", "annot"}``; slides without an annotation are
        left out. The name is null while private names are hidden, and `import_task_annots` cannot
        find the slide then.

        Returns
        -------
        int
            How many there are in the file.
        """
        manifest = self.slide_manifest()
        records = []
        for row, slide_id in manifest["id"].items():
            annotation = self.get_slide_annot_json(slide_id)
            if annotation is not None:
                records.append(record(manifest["slide_name"].get(row), slide_id, annotation))
        write(json.dumps(records).encode(), filename)
        return len(records)

    def import_task_annots(self, filename: str | os.PathLike[str]) -> int:
        """Send the annotations in a file that `export_task_annots` wrote.

        Slides are found by their names; what is there for slides that the task does not have is
        left out, and logged. The file may be one that the client `phas` wrote.

        Returns
        -------
        int
            How many annotations the server has taken.
        """
        records = read_records(filename)
        names = SlideNames(self._manifest())
        taken = 0
        for each in records:
            slide_id = names.find(each["slide_name"])
            if slide_id is None:
                _log.warning("Left out: the task has no slide %r.", each["slide_name"])
            else:
                taken += self.set_slide_annot_json(slide_id, each["annot"])
        return taken

    def _path(self, slide_id: int, verb: str) -> str:
        return f"task/{self.task_id}/slide/raw/raw/{number(slide_id)}/annot/{verb}"
