"""Write to a lab from three threads and say what is done, until somebody ends this process.

Arguments: the home, and a word that begins all names. Each line of output is the name of a case
that is on disk, and the revision it has.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
from pathlib import Path

from wsi_lab.service.lab import Lab, LabSettings


def acknowledge(name: str, revision: int) -> None:
    # One call of the system: never half a line.
    os.write(1, f"{name} {revision}\n".encode())


def write(lab: Lab, word: str) -> None:
    owner = lab.people.owner(name="owner")
    for number in itertools.count():
        name = f"{word}-{number}"
        case = lab.cases.create(owner, 1, name)
        acknowledge(name, 1)
        lab.cases.change(owner, case.id, revision=1, public_name=name)
        acknowledge(name, 2)


def main() -> None:
    with Lab.open(LabSettings(Path(sys.argv[1]))) as lab:
        threads = [
            threading.Thread(target=write, args=(lab, f"{sys.argv[2]}-{number}"))
            for number in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
