"""The lab's handlers as Jupyter handlers: Jupyter's identity, XSRF check and authorizer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from jupyter_server.base.handlers import JupyterHandler
from tornado import web

from wsi_lab.errors import NotAllowed, SourceUnavailable
from wsi_lab.model.people import Actor
from wsi_lab.server.base import Handler
from wsi_lab.server.browsers import NOT_IN_YOUR_NAME, is_of_another_site

AUTHORIZER_RESOURCE = "wsi-lab"

# Jupyter's front end adds these to any address: its own credentials, and the time of day
# against caches.
_JUPYTERS_PARAMETERS = frozenset({"token", "_xsrf", "no_track_activity"})

if TYPE_CHECKING:

    class _HandlerInJupyter(Handler, JupyterHandler):  # type: ignore[misc]  # theirs is awaited always
        """What the class below is part of at run time."""
else:
    _HandlerInJupyter = object


class InJupyter(_HandlerInJupyter):
    """Stands before a handler of the lab, and that before Jupyter's own, among the bases.

    How Jupyter finds out who asks is left to Jupyter, so that every identity provider works.
    What it does with those it does not know (pages to sign in at, redirects) is not.
    """

    @staticmethod
    def not_ours(name: str) -> bool:
        """Return whether a query parameter is Jupyter's own business."""
        return name in _JUPYTERS_PARAMETERS or name.isdigit()

    async def identify_by_host(self) -> Actor | None:
        """Return the owner of the lab's home if Jupyter knows who asks.

        Raises
        ------
        NotAllowed
            The request comes from a page of another site, lacks the XSRF token, or Jupyter's
            authorizer refuses it.
        SourceUnavailable
            Jupyter cannot say, because its hub does not answer.
        """
        try:
            await JupyterHandler.prepare(self, _redirect_to_login=False)
        except web.HTTPError as error:
            self._explain(error)
            return None
        user = self.current_user
        if user is None:
            return None
        self._refuse_other_sites()
        if self.request.method == "GET" and not self.token_authenticated:
            self._give_xsrf_token()
        action = "read" if self.request.method in {"GET", "HEAD"} else "write"
        allowed = self.authorizer.is_authorized(self, user, action, AUTHORIZER_RESOURCE)
        if not (allowed if isinstance(allowed, bool) else await allowed):
            raise NotAllowed(f"Jupyter's authorizer does not let you {action} in the lab.")
        # Somebody who looks at slides all day runs no kernel and is not idle.
        self.settings["api_last_activity"] = datetime.now(UTC)
        return self.site.owner or await self._owner()

    def set_cors_headers(self) -> None:
        """Set none: Jupyter's echo any origin for requests with a token."""

    async def _owner(self) -> Actor | None:
        await self.site.ready()
        return self.site.owner

    def _refuse_other_sites(self) -> None:
        # A token is never sent by a browser of its own accord, a cookie is. Old browsers do not
        # say whether the page is of another site, but which one it is of.
        if self.token_authenticated:
            return
        if is_of_another_site(self.request.headers) or not self.check_origin():
            raise NotAllowed(NOT_IN_YOUR_NAME)

    def _give_xsrf_token(self) -> None:
        # Jupyter's own pages set it. Others, such as Voilà's and the readers', do not, and what
        # their scripts write would be refused for the want of it.
        if self.get_cookie("_xsrf") is None:
            _ = self.xsrf_token

    def _explain(self, error: web.HTTPError) -> None:
        if error.status_code >= 500:
            raise SourceUnavailable(
                "Jupyter cannot say who is asking, because its hub does not answer."
            ) from error
        if not self.check_host():
            raise NotAllowed(
                "Jupyter does not answer to the name that it was asked by; "
                "ServerApp.local_hostnames and ServerApp.allow_remote_access decide that."
            ) from error
        if getattr(self, "_jupyter_current_user", None) is not None:
            raise NotAllowed(
                "Jupyter refuses this request: it lacks the XSRF token of this session, or comes "
                "from another origin. Reload the page, or send a token instead of a cookie."
            ) from error


def dressed(handler: type[Handler]) -> type[Handler]:
    """Return a handler class of the lab as one that Jupyter identifies people for."""
    members = {"__doc__": handler.__doc__, "__module__": handler.__module__}
    return type(f"{handler.__name__}InJupyter", (InJupyter, handler, JupyterHandler), members)
