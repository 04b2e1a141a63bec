"""Cytomine's released client, as it is, and what it was answered."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import numpy as np
import openslide
import requests
import shapely
from cytomine import Cytomine
from numpy.typing import NDArray
from served_lab import ServedLab

USER_ANNOTATION = "be.cytomine.domain.ontology.UserAnnotation"


class Watched:
    """The answers to what the client asked, in the order they came in.

    Attributes
    ----------
    host
        What its addresses begin with.
    """

    def __init__(self, host: str) -> None:
        self.host = host
        self.answers: list[requests.Response] = []

    @property
    def last(self) -> requests.Response:
        return self.answers[-1]

    def path(self, answer: requests.Response) -> str:
        """Return the address that was asked for, below HOST, without its query."""
        root = urlsplit(self.host).path.rstrip("/")
        return urlsplit(str(answer.request.url)).path.removeprefix(root)

    def asked(self, method: str, path: str = "") -> list[requests.Response]:
        """Return the answers to requests of a method, to addresses that end so."""
        return [
            each
            for each in self.answers
            if each.request.method == method and self.path(each).endswith(path)
        ]

    def check(self) -> None:
        """Fail for a redirect, and for an answer that the client's cache would keep."""
        for each in self.answers:
            told = (each.request.method, self.path(each), each.status_code)
            assert not each.history, told
            assert each.status_code // 100 != 3, told
            if "/api/" in self.path(each):
                assert "no-store" in each.headers.get("cache-control", ""), told
                assert "etag" not in each.headers, told


@contextlib.contextmanager
def watching(host: str) -> Iterator[Watched]:
    """Keep all that is answered meanwhile."""
    watched = Watched(host)
    send = requests.Session.send

    def keeping(session: requests.Session, *args: Any, **named: Any) -> requests.Response:
        answer = send(session, *args, **named)
        watched.answers.append(answer)
        return answer

    with mock.patch.object(requests.Session, "send", keeping):
        yield watched
    watched.check()


@contextlib.contextmanager
def connected(
    lab: ServedLab, email: str | None = None, *, host: str | None = None, **options: Any
) -> Iterator[Cytomine]:
    """Let somebody work with the client; after that it works for whoever did before."""
    with signed_in(host or lab.host, *lab.cytomine_keys(email), **options) as client:
        yield client


@contextlib.contextmanager
def signed_in(host: str, public: str, private: str, **options: Any) -> Iterator[Cytomine]:
    """The same with any keys."""
    before = Cytomine._Cytomine__instance
    client = Cytomine(host, public, private, **options)
    try:
        yield client
    finally:
        client._session.close()
        Cytomine._Cytomine__instance = before


def y_up(geometry: Any, height: int) -> Any:
    """Turn a shape over, from the slide's pixels into Cytomine's places or back."""
    return shapely.transform(geometry, lambda places: np.c_[places[:, 0], height - places[:, 1]])


def pixels_of(file: Any, left: int, top: int, width: int, height: int) -> NDArray[np.uint8]:
    """Return what OpenSlide reads at level 0, on white."""
    with openslide.OpenSlide(str(file)) as slide:
        read = np.asarray(slide.read_region((left, top), 0, (width, height)))
    return np.where(read[..., 3:] == 0, np.uint8(255), read[..., :3])


def inside(geometry: Any, left: int, top: int, width: int, height: int) -> NDArray[np.bool_]:
    """Return which level-0 pixels have their centres in a shape, whose y runs downwards."""
    x, y = np.meshgrid(left + np.arange(width) + 0.5, top + np.arange(height) + 0.5)
    return np.asarray(shapely.contains_xy(geometry, x, y))
