"""A client for PHAS servers, and for labs, which speak PHAS as well: the class names of `phas`.

Scripts that say ``from phas.client.api import Client, Task`` say ``from wsi_lab.client.phas import
Client, Task`` instead and need no web server installed beside them. Arguments and answers are those
of `phas` 0.99.7, except where that one is not right:

- `Slide.thumbnail_nifti_image` asks for the picture where servers have it.
- `AnnotationTask.get_slide_annot_timestamp` gives ISO 8601 text from every server.
- Nothing is printed; `AnnotationTask.import_task_annots` logs what it leaves out.
- A session that has ended is an error, and never the HTML of a page to sign in to.

What goes wrong is raised as a class of `wsi_lab.errors`. **A failed login is a `NotIdentified`**,
as is a session that has ended; a missing right is a `NotAllowed`. `UnusableKey` and `WrongMode` are
`ValueError`, too, as in `phas`.

>>> client = Client("https://phas.example.org/", "phas_ada_api_key.json")  # doctest: +SKIP
>>> task = AnnotationTask(client, 5)  # doctest: +SKIP
>>> pd.DataFrame(task.slide_manifest(stain="NISSL"))  # doctest: +SKIP
"""

from __future__ import annotations

from wsi_lab.client.phas.annotations import AnnotationTask
from wsi_lab.client.phas.client import Client
from wsi_lab.client.phas.extractor import SamplingROIPatchExtractor
from wsi_lab.client.phas.key_files import UnusableKey
from wsi_lab.client.phas.sampling import SamplingROITask
from wsi_lab.client.phas.slide import Slide
from wsi_lab.client.phas.tasks import Labelset, Task, WrongMode
from wsi_lab.client.phas.training import DLTrainingTask

__all__ = [
    "AnnotationTask",
    "Client",
    "DLTrainingTask",
    "Labelset",
    "SamplingROIPatchExtractor",
    "SamplingROITask",
    "Slide",
    "Task",
    "UnusableKey",
    "WrongMode",
]
