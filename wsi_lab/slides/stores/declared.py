"""The stores that addresses of slides lead to."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from wsi_lab.errors import Invalid, NotAllowed
from wsi_lab.model.source import BUCKET_SCHEMES, Source, is_address
from wsi_lab.slides.fetching import Fetcher
from wsi_lab.slides.stores.objects import StoreLimits
from wsi_lab.slides.stores.opening import open_store


class Stores:
    """All stores of a lab, opened when somebody asks for a slide in them.

    Parameters
    ----------
    sources
        The declared ones; folders among them are passed over, and of several with one address
        the first counts. Buckets can be reached without being declared, with the environment's
        credentials. Web servers cannot: an address must not make this machine ask hosts that
        nobody chose.

    Examples
    --------
    >>> stores = Stores([Source.at("https://slides.example/open")])
    >>> stores.for_address("https://slides.example/open/a.svs")[1]
    'a.svs'
    >>> stores.for_address("https://slides.example/secret/a.svs")
    Traceback (most recent call last):
    wsi_lab.errors.NotAllowed: Slides are read from declared web servers only,
        and this one is not.
    """

    def __init__(self, sources: Sequence[Source] = (), limits: StoreLimits | None = None) -> None:
        remote: dict[str, Source] = {}
        for source in sources:
            if source.is_remote:
                remote.setdefault(source.address, source)
        # The longest address is the closest one.
        self._sources = sorted(remote.values(), key=lambda each: len(each.address), reverse=True)
        self._limits = limits
        self._lock = threading.Lock()
        # By the whole source: an address alone does not say whose bucket it is.
        self._fetchers: dict[Source, Fetcher] = {}
        self._closed = False

    def for_address(self, address: str) -> tuple[Fetcher, str]:
        """Return who reads a slide with an address, and the slide's key there.

        Raises
        ------
        Invalid
            It is no address of a slide.
        NotAllowed
            It is one of a web server that is not declared.
        """
        source = next((each for each in self._sources if each.holds(address)), None)
        if source is None:
            source = _whole_bucket(address)
        return self._fetcher(source), address.removeprefix(source.address)

    def close(self) -> None:
        """Give back all connections and threads. Closing twice is closing once."""
        with self._lock:
            self._closed = True
            fetchers, self._fetchers = self._fetchers, {}
        for each in fetchers.values():
            each.close()

    def _fetcher(self, source: Source) -> Fetcher:
        with self._lock:
            if self._closed:
                raise ValueError("these stores are closed")
            found = self._fetchers.get(source)
            if found is None:
                found = Fetcher(open_store(source, self._limits))
                self._fetchers[source] = found
            return found


def _whole_bucket(address: str) -> Source:
    scheme, _, rest = address.partition("://")
    if not is_address(address):
        raise Invalid("This is no address of a slide; it looks like s3://bucket/slide.svs.")
    if scheme not in BUCKET_SCHEMES:
        raise NotAllowed("Slides are read from declared web servers only, and this one is not.")
    bucket, slash, key = rest.partition("/")
    if not slash or not key:
        raise Invalid("This address names a bucket, and no slide in it.")
    return Source.at(f"{scheme}://{bucket}")
