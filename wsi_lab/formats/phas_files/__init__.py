"""Files that administrators of PHAS write: of tasks, of label sets, and of slides.

All readers find everything that is wrong with a file before they refuse it.
"""

from wsi_lab.formats.phas_files.labels import read_label_set
from wsi_lab.formats.phas_files.slides import SlideRow, read_public_names, read_slide_table
from wsi_lab.formats.phas_files.tasks import read_task, write_task

__all__ = [
    "SlideRow",
    "read_label_set",
    "read_public_names",
    "read_slide_table",
    "read_task",
    "write_task",
]
