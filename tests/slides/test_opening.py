"""Which reader opens which file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

OPEN = """
import sys
from wsi_lab.errors import WsiLabError
from wsi_lab.slides.opening import open_slide
try:
    print(open_slide(sys.argv[1]).properties.format)
except WsiLabError as error:
    print(error.message)
"""
LONGEST_SECONDS = 30


def opened(file: Path) -> str:
    """Return the format of a slide, or why it is refused; in a process, lest it waits for ever."""
    command = [sys.executable, "-c", OPEN, str(file)]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=True
    )
    return ended.stdout


def test_link_to_the_dicom_of_another_folder_is_not_followed(
    shared_data: Path, tmp_path: Path
) -> None:
    slide = shared_data / "slides" / "dicom-cmu-1-small-region"
    (tmp_path / "here").mkdir()
    (tmp_path / "private").mkdir()
    label, volume = tmp_path / "here" / "label.dcm", tmp_path / "private" / "volume.dcm"
    shutil.copyfile(slide / "label.dcm", label)
    shutil.copyfile(slide / "volume.dcm", volume)
    (tmp_path / "private" / "note").write_text("no DICOM")
    (tmp_path / "here" / "note").symlink_to(tmp_path / "private" / "note")
    (tmp_path / "here" / "same").symlink_to(label)
    assert "link" not in opened(label)
    (tmp_path / "here" / "volume.dcm").symlink_to(volume)
    assert "link to one in another folder" in opened(label)


def test_pipe_beside_a_dicom_file_is_refused_and_not_waited_for(
    shared_data: Path, tmp_path: Path
) -> None:
    file = tmp_path / "slide.dcm"
    shutil.copyfile(shared_data / "slides" / "dicom-tiny-sm.dcm", file)
    (tmp_path / "folder").mkdir()
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    assert opened(file) == "DICOM\n"
    os.mkfifo(tmp_path / "pipe")
    assert "pipe" in opened(file)
