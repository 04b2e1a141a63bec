"""Load shapes into a lab, and end this process by SIGKILL when so much of it is done.

Arguments: the home, the ids of the layer and the slide, and how much, from 0 to 1.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from many_shapes import squares

from wsi_lab.service.lab import Lab, LabSettings


def main() -> None:
    home, layer_id, slide_id, last = sys.argv[1:]

    def watch(done: float) -> None:
        if done >= float(last):
            os.kill(os.getpid(), signal.SIGKILL)

    with Lab.open(LabSettings(Path(home))) as lab:
        lab.loads.load(
            lab.people.owner(), int(layer_id), int(slide_id), squares(20_000), progress=watch
        )


if __name__ == "__main__":
    main()
