"""Opens slides that are far away, asking their store as little as can be."""

from __future__ import annotations

from wsi_lab.errors import UnsupportedSlide
from wsi_lab.slides.fetching import Fetcher
from wsi_lab.slides.few_trips import HEAD_BYTES, FewTrips
from wsi_lab.slides.kept_indexes import KeptIndexes
from wsi_lab.slides.preflight import preflight
from wsi_lab.slides.remote_source import RemoteSource
from wsi_lab.slides.tiff_index import TiffIndex, native
from wsi_lab.slides.tiff_pages import read_index


def open_remote(
    fetcher: Fetcher, key: str, address: str, kept: KeptIndexes, *, anew: bool
) -> tuple[RemoteSource, TiffIndex]:
    """Return the object with a key, and its index.

    When both the facts and the index are kept from before, nothing is asked: the first read,
    which is conditional, tells whether they still hold.

    Parameters
    ----------
    anew
        What is kept of the object is known to be of another version.

    Raises
    ------
    UnsupportedSlide
        It is not a slide whose tiles can be read one by one.
    DamagedSlide, SlideMissing, SlideChanged
        It is broken or hostile, it is gone, or it was replaced while it was opened.
    SourceUnavailable
        Its store does not answer.
    """
    origin = fetcher.store.origin
    facts = None if anew else kept.facts(address, origin)
    if facts is not None:
        known = RemoteSource(fetcher, key, facts, address=address)
        index = kept.index(known, origin)
        if index is not None:
            return known, index
    head, facts = fetcher.store.head(key, HEAD_BYTES)
    source = RemoteSource(fetcher, key, facts, address=address, head=head)
    index = kept.index(source, origin)
    if index is None:
        index = _read_index(FewTrips(source, head))
        kept.keep_index(source, index, origin)
    kept.keep_facts(address, origin, facts)
    return source, index


def _read_index(trips: FewTrips) -> TiffIndex:
    structure = preflight(trips).structure
    index = None if structure is None else read_index(trips, structure)
    reason = "it is no TIFF file" if index is None else native(index)
    if index is None or reason is not None:
        raise UnsupportedSlide(
            f"This slide can only be read from a local disk: {reason}. Copy it there."
        )
    return index
