"""A Jupyter extension that returns fixed bytes to whoever may: what Jupyter itself costs.

Enabled beside nothing else, it is also the Jupyter server without wsi-lab, to whose memory
wsi-lab's is compared.
"""

from __future__ import annotations

import os
from pathlib import Path

import tornado.web
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.serverapp import ServerApp

BODY_VARIABLE = "WSI_BENCH_BODY"


class FixedHandler(JupyterHandler):
    body = b""

    def compute_etag(self) -> None:
        return None

    @tornado.web.authenticated
    def get(self, *_place: str) -> None:
        self.set_header("Content-Type", "image/jpeg")
        self.finish(self.body)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(app: ServerApp) -> None:
    FixedHandler.body = Path(os.environ[BODY_VARIABLE]).read_bytes()
    app.web_app.add_handlers(".*$", [(r"/fixed/(\d+)/(\d+)/(\d+)", FixedHandler)])
