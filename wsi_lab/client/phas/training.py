"""Tasks in which boxes are placed to train a classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wsi_lab.client.phas.client import rows
from wsi_lab.client.phas.pictures import picture
from wsi_lab.client.phas.tasks import Task, number

if TYPE_CHECKING:
    from PIL import Image


class DLTrainingTask(Task):
    """A task of mode ``dltrain``.

    Raises
    ------
    WrongMode
        The task is of another mode.
    """

    _mode = "dltrain"

    def slide_training_samples(self, slide_id: int) -> list[dict[str, Any]]:
        """Return the boxes on a slide, a row each, the one changed last first.

        The rows have ``id``, ``x0``, ``y0``, ``x1``, ``y1`` (level-0 pixels), ``label`` (its id),
        ``color``, ``have_patch``, ``creator`` and ``editor`` (their ids), ``t_create`` and
        ``t_edit`` (seconds since 1970).
        """
        path = f"task/{self.task_id}/slide/{number(slide_id)}/dltrain/samples"
        return rows(self.client.connection.get_json(path))

    def get_sample_image(self, sample_id: int) -> Image.Image:
        """Return the square of pixels around a box, RGBA.

        Its size is the task's, whatever the size of the box.
        """
        path = f"dltrain/api/sample/{number(sample_id)}/image.png"
        return picture(self.client.connection.get(path))
