"""Where the requests to a bucket go: what its source says, and else what the environment says."""

from __future__ import annotations

from dataclasses import dataclass

from wsi_lab.model.source import Source


@dataclass(frozen=True, slots=True)
class Way:
    """What is in effect for a source.

    Attributes
    ----------
    endpoint, region
        `None` where nobody named any: then it is Amazon's, and where its own tools look.
    """

    endpoint: str | None = None
    region: str | None = None


def way_to(source: Source) -> Way:
    """Return how a source is reached. Nothing is asked.

    Raises
    ------
    Invalid
        The endpoint cannot be one.

    Examples
    --------
    >>> way_to(Source.at("s3://slides", endpoint="http://127.0.0.1:9000", region="here"))
    Way(endpoint='http://127.0.0.1:9000', region='here')
    """
    if source.scheme != "s3":
        return Way(source.endpoint)
    from wsi_lab.slides.stores.s3 import endpoint_named_by, region_named_by  # noqa: PLC0415 (heavy)

    return Way(endpoint_named_by(source), region_named_by(source))
