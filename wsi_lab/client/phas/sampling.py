"""Tasks in which regions are outlined, to be sampled."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from wsi_lab.client.phas.client import fields, rows
from wsi_lab.client.phas.files import handed_over
from wsi_lab.client.phas.tasks import Task, number
from wsi_lab.client.pictures import whole


class SamplingROITask(Task):
    """A task of mode ``sampling``.

    The geometry of a sampling ROI is ``{"type": "polygon", "data": [[x, y], …]}`` or
    ``{"type": "trapezoid", "data": [[x, y, w], [x, y, w]]}``, in level-0 pixels. A trapezoid is
    given by the middles of its two parallel sides and half their lengths.

    Raises
    ------
    WrongMode
        The task is of another mode.
    """

    _mode = "sampling"

    def slide_sampling_rois(self, slide_id: int) -> list[dict[str, Any]]:
        """Return the sampling ROIs on a slide, a row each, the one changed last first.

        The rows have ``id``, ``x0``, ``y0``, ``x1``, ``y1`` (the box around it), ``label`` (its
        id), ``color``, ``json`` (the geometry **as JSON text**), ``creator`` and ``editor`` (their
        ids), ``t_create`` and ``t_edit`` (seconds since 1970).
        """
        path = f"task/{self.task_id}/slide/raw/raw/{number(slide_id)}/sampling_roi/get"
        return rows(self.client.connection.get_json(path))

    def create_sampling_roi(
        self, slide_id: int, label_id: int, geom_data: Mapping[str, Any]
    ) -> int:
        """Make a sampling ROI and return its id."""
        path = f"task/{self.task_id}/slide/raw/raw/{number(slide_id)}/dltrain/sampling_roi/create"
        body = {"label_id": number(label_id), "geometry": dict(geom_data)}
        return int(fields(self.client.connection.post_json(path, body), "id")["id"])

    def delete_sampling_rois_on_slide(self, slide_id: int) -> bool:
        """Delete all sampling ROIs of the task on a slide.

        Returns
        -------
        bool
            Whether the server says that they are gone.
        """
        # A POST, which nothing on the way sends a second time; servers take it as they take a GET.
        path = f"task/{self.task_id}/slide/{number(slide_id)}/dltrain/sampling_roi/delete_all"
        return self.client.connection.ask("POST", path) == b"success"

    def slide_sampling_roi_nifti_image(
        self,
        slide_id: int,
        filename: str | os.PathLike[str] | None = None,
        max_dim: int = 1000,
    ) -> bytes | None:
        """Return the sampling ROIs on a slide as a label image: a NIfTI file, with gzip.

        Its values are the ids of labels, 255 for greater ones. It has the grid of
        `Slide.thumbnail_nifti_image` of the same size.

        Parameters
        ----------
        filename
            Write the file there and return nothing.
        max_dim
            The longer side of the image.
        """
        longest = whole(max_dim, "max_dim is a whole number of pixels.")
        folder = f"task/{self.task_id}/slide/{number(slide_id)}/sampling_roi"
        content = self.client.connection.get(f"{folder}/make_image_{longest}.nii.gz")
        return handed_over(content, filename)
