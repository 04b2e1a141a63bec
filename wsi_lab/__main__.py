"""``python -m wsi_lab`` is the command ``wsi-lab``."""

from wsi_lab.cli import main

main()
