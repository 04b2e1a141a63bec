"""Whether the server is alive, which clients ask before all else."""

from __future__ import annotations

from collections.abc import Awaitable

from wsi_lab.errors import NotAllowed
from wsi_lab.server.cytomine.handlers import CytomineHandler
from wsi_lab.version import __version__


class PingHandler(CytomineHandler):
    """Whether the server is alive.

    Clients that are not told so ask again for two minutes, so that nobody's keys are looked at.
    """

    def get(self) -> Awaitable[None]:
        """Say that it is."""
        address = self.host.rstrip("/")
        return self.send_json({"alive": True, "version": __version__, "serverURL": address})


class AdminSessionHandler(CytomineHandler):
    """The sessions in which administrators of Cytomine hold their rights."""

    def get(self) -> None:
        """Refuse: here they hold them always."""
        raise NotAllowed("There are no administrator sessions here; rights hold without one.")
