"""Who asks Amazon's stores, and those that speak like them: found and signed for by botocore."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore import exceptions
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import (
    RefreshableCredentials,
)
from botocore.session import Session

from wsi_lab.errors import SourceRefused, SourceTimeout, SourceUnavailable
from wsi_lab.slides.stores.objects import StoreLimits

_log = logging.getLogger(__name__)

# In its chatter the library tells tokens, and all that those who hand out credentials answer.
_chatter = logging.getLogger("botocore")
_chatter.setLevel(max(_chatter.level, logging.WARNING))

_AGAIN_SECONDS = 30.0
"""Before those are asked once more who had nothing, or nothing new."""
_MOST_TRIES = 2
_METADATA_SECONDS = 2
"""The most for each question to this machine's own service, which is near or not there."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks, as long as that is good. The names are those that botocore signs with."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


class AwsAccess:
    """Credentials from where Amazon's tools look for them, and signatures by them.

    Safe to use from several threads: one looks, and the others wait for what it finds.

    Parameters
    ----------
    region
        Whose services exchange credentials, where neither the environment nor a profile says so.
    """

    def __init__(self, limits: StoreLimits, region: str) -> None:
        self._limits = limits
        self._region = region
        self._lock = threading.Lock()
        self._source: Any = None
        self._held: Credentials | None = None
        self._refusal = ""
        self._quiet_until = float("-inf")
        self._renewed = float("-inf")

    def region(self, deadline: float) -> str | None:
        """Return the region that the environment or the profile names.

        Raises
        ------
        SourceRefused
            There is no such profile, or its file is broken.
        """
        with self._turn(deadline), _in_words():
            found: str | None = Session().get_config_variable("region")
            return found

    def credentials(self, deadline: float) -> Credentials:
        """Return credentials that are good for a while.

        Raises
        ------
        SourceRefused
            There are none.
        SourceUnavailable
            The place they come from does not answer.
        """
        with self._turn(deadline):
            if time.monotonic() >= self._quiet_until:
                self._look()
            if self._held is None:
                raise SourceRefused(self._refusal, about="credentials")
            return self._held

    def renewed(self, refused: Credentials, deadline: float) -> Credentials | None:
        """Return others than those that a store refused, `None` where there are none."""
        # Without a token they are good for ever, and were refused for another reason.
        if refused.token is None:
            return None
        with self._turn(deadline):
            now = time.monotonic()
            if self._held == refused and now - self._renewed >= _AGAIN_SECONDS:
                self._renewed, self._quiet_until = now, float("-inf")
                self._source = self._held = None
        found = self.credentials(deadline)
        return found if found != refused else None

    @staticmethod
    def signed_headers(
        method: str, url: str, host: str, *, region: str, credentials: Credentials
    ) -> dict[str, str]:
        """Return the headers that a request without a body needs beside its own.

        Parameters
        ----------
        url
            As it is sent: encoded, and the query's parameters in the order of their names.
        host
            The header of that name, which names a port even if it is the usual one.

        Examples
        --------
        >>> asked = AwsAccess.signed_headers(
        ...     "GET", "https://slides.s3.amazonaws.com/a.svs", "slides.s3.amazonaws.com",
        ...     region="us-east-1", credentials=Credentials("AKIDEXAMPLE", "secret"),
        ... )
        >>> asked["Authorization"].partition(" Credential=AKIDEXAMPLE/")[0]
        'AWS4-HMAC-SHA256'
        """
        request = AWSRequest(method, url, headers={"Host": host})
        S3SigV4Auth(credentials, "s3", region).add_auth(request)
        return {name: text for name, text in request.headers.items() if name != "Host"}

    def _look(self) -> None:
        """Ask the library, which asks others only where what it has comes to its end."""
        try:
            self._held = self._current()
        except SourceUnavailable as error:
            # What is there lasts a little longer; the store says so when it does not.
            if self._held is None:
                self._source = None
                if not isinstance(error, SourceRefused):
                    raise
                self._refusal = error.message
            self._quiet_until = time.monotonic() + _AGAIN_SECONDS
            return
        if isinstance(self._source, RefreshableCredentials) and self._source.refresh_needed():
            self._quiet_until = time.monotonic() + _AGAIN_SECONDS

    def _current(self) -> Credentials:
        with _in_words():
            if self._source is None:
                self._source = self._session().get_credentials()
            if self._source is None:
                raise SourceRefused(
                    "This server has no credentials for the store; name some in its environment, "
                    "or ask without any (--anonymous, or source_anonymous in Jupyter)."
                )
            found = self._source.get_frozen_credentials()
            return Credentials(found.access_key, found.secret_key, found.token)

    def _session(self) -> Session:
        session = Session()
        seconds, tries = "metadata_service_timeout", "metadata_service_num_attempts"
        for name, most in ((seconds, _METADATA_SECONDS), (tries, _MOST_TRIES)):
            session.set_config_variable(name, min(session.get_config_variable(name), most))
        if not session.get_config_variable("region"):
            session.set_config_variable("region", self._region)
        session.set_default_client_config(
            Config(
                connect_timeout=self._limits.connect_seconds,
                read_timeout=self._limits.silence_seconds,
                retries={"total_max_attempts": _MOST_TRIES},
            )
        )
        return session

    @contextmanager
    def _turn(self, deadline: float) -> Iterator[None]:
        if not self._lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise SourceTimeout("Credentials for the store could not be got in time.")
        try:
            yield
        finally:
            self._lock.release()


@contextmanager
def _in_words() -> Iterator[None]:
    """Say in words of the lab what goes wrong in the library."""
    try:
        yield
    except SourceUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 (files, programs and services fail in any way)
        # What it says may name places and hold answers; its kind is enough to begin with.
        _log.warning("Credentials for a store could not be got: %s", type(error).__name__)
        raise _meaning(error) from None


def _meaning(error: Exception) -> SourceUnavailable:
    if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError):
        return SourceUnavailable(
            "The place that hands out credentials for the store does not answer now."
        )
    if isinstance(error, exceptions.ConfigParseError):
        return SourceRefused("The file of AWS profiles on this server is broken.")
    if isinstance(error, exceptions.ProfileNotFound):
        return SourceRefused("The AWS profile that this server shall use is in none of its files.")
    return SourceRefused(
        "The credentials for the store cannot be got; what this server's environment or its AWS "
        "profile says about them is wrong, or they are not handed out to it."
    )
