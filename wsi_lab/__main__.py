"""``python -m wsi_lab`` is the command ``wsi-lab``."""

import sys

from wsi_lab.cli import main

sys.exit(main())
