"""The way in from Python: finds the lab and puts client and widgets together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wsi_lab.client import Connection, Lab
from wsi_lab.errors import NotIdentified, SourceUnavailable

if TYPE_CHECKING:
    import httpx

    from wsi_lab.client import Slide, Study
    from wsi_lab.widgets import Dashboard, ScoringWidget, SlideViewer

URL = "WSI_LAB_URL"
TOKEN = "WSI_LAB_TOKEN"  # noqa: S105 (the name of the variable)
BASE_URL = "WSI_LAB_BASE_URL"


def connect(
    url: str | None = None,
    token: str | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    transport: httpx.BaseTransport | None = None,
) -> Lab:
    """Return a lab that answers and knows who you are.

    In a notebook of a JupyterLab that runs wsi-lab nothing need be said. Elsewhere give the
    address and a token, which ``wsi-lab token create`` prints.

    Parameters
    ----------
    url
        Where the lab is, for example ``"https://hub.example.org/user/me/wsi-lab/"``; the default
        is the server this notebook runs on.
    token
        A bearer token. The notebook's own one is used for its own server and never sent
        anywhere else.
    environment
        Where a Jupyter server leaves its address; the default is this process's environment.
    transport
        How bytes travel; the default is the network.

    Raises
    ------
    SourceUnavailable
        No address is given and this is not a notebook of such a server, or nothing answers.
    NotIdentified
        The token is missing, wrong or expired.

    Examples
    --------
    >>> lab = connect()  # doctest: +SKIP
    >>> lab.studies.to_frame()  # doctest: +SKIP
    """
    known = os.environ if environment is None else environment
    own_url = known.get(URL)
    if url is None:
        url = own_url
    if url is None:
        raise SourceUnavailable(
            "No lab is known here. In a notebook, start JupyterLab where wsi-lab is installed "
            "(`jupyter server extension list` shows it) and restart the kernel; elsewhere say "
            'wsi_lab.connect("http://localhost:8888/wsi-lab/", token="wsi_…").'
        )
    is_own = own_url is not None and url.rstrip("/") == own_url.rstrip("/")
    if token is None and is_own:
        token = known.get(TOKEN)
    base = known.get(BASE_URL) if is_own else None
    connection = Connection(
        url,
        token,
        browser_url=None if base is None else base.rstrip("/") + "/wsi-lab/",
        viewer=_viewer,
        dashboard=_dashboard,
        scorer=_scorer,
        transport=transport,
    )
    lab = Lab(connection)
    try:
        lab.check()
    except BaseException as error:
        lab.close()
        if token is None and type(error) is NotIdentified:
            raise NotIdentified(
                'This lab wants to know who you are: connect(url, token="wsi_…"). '
                "`wsi-lab token create` prints a token, where the lab is."
            ) from error
        raise
    return lab


def _viewer(slide: Slide, **options: Any) -> SlideViewer:
    from wsi_lab.widgets import SlideViewer  # noqa: PLC0415 (a second, only for those who look)

    return SlideViewer(slide, **options)


def _dashboard(study: Study, question: str | None, **options: Any) -> Dashboard:
    from wsi_lab.widgets import Dashboard  # noqa: PLC0415 (a second, only for those who look)

    return Dashboard(study, question, **options)


def _scorer(study: Study, **options: Any) -> ScoringWidget:
    from wsi_lab.widgets import ScoringWidget  # noqa: PLC0415 (a second, only for those who score)

    return ScoringWidget(study, **options)
