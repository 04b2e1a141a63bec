"""What Cytomine's clients are told of each kind of thing: keys, and what they are."""

from __future__ import annotations

from typing import Any

DOMAIN = "be.cytomine.domain."
EVERY = {"id": int, "class": str, "created": str | None, "updated": str | None}
NUMBER, REAL = int, int | float

USER = {
    **EVERY,
    "username": str,
    "name": str,
    "fullName": str,
    "firstname": str | None,
    "lastname": str | None,
    "email": str | None,
}
ROLES = ("admin", "user", "guest", "adminByNow", "userByNow", "guestByNow", "isDeveloper")
CURRENT_USER = {
    **USER,
    "language": str | None,
    "publicKey": str,
    **dict.fromkeys(ROLES, bool),
}
FLAGS = (
    *("blindMode", "areImagesDownloadable", "isClosed", "isReadOnly", "isRestricted"),
    *("hideUsersLayers", "hideAdminsLayers"),
)
COUNTS = (
    *("numberOfImages", "numberOfAnnotations", "numberOfSlides", "numberOfJobAnnotations"),
    "numberOfReviewedAnnotations",
)
PROJECT = {
    **EVERY,
    "name": str,
    "ontology": int,
    "ontologyName": str,
    **dict.fromkeys(COUNTS, int),
    **dict.fromkeys(FLAGS, bool),
}
ONTOLOGY = {
    **EVERY,
    "name": str,
    "title": str,
    "user": int,
    "attr": dict,
    "data": str,
    "isFolder": bool,
    "key": int,
    "children": list,
}
TERM = {
    **EVERY,
    "name": str,
    "comment": str | None,
    "ontology": int,
    "color": str,
    "parent": int | None,
}
ABSTRACT = {
    **EVERY,
    **dict.fromkeys(("filename", "originalFilename", "path", "contentType", "colorspace"), str),
    **dict.fromkeys(("width", "height", "depth", "duration", "channels", "zoom", "tileSize"), int),
    **dict.fromkeys(("extrinsicChannels", "bitPerSample", "samplePerPixel"), int),
    **dict.fromkeys(("physicalSizeX", "physicalSizeY"), float | None),
    **dict.fromkeys(("physicalSizeZ", "fps"), type(None)),
    "magnification": int | None,
    "isVirtual": bool,
    **dict.fromkeys(("thumb", "preview"), str),
    "macroURL": str | None,
}
INSTANCE = {
    **ABSTRACT,
    **dict.fromkeys(("baseImage", "project", "user"), int),
    "instanceFilename": str,
    **dict.fromkeys(("reviewed", "inReview"), bool),
    **dict.fromkeys(("numberOfAnnotations", "numberOfReviewedAnnotations"), int),
}
SLICE = {
    **EVERY,
    **dict.fromkeys(("image", "project", "baseSlice", "channel", "zStack", "time", "rank"), int),
    "path": str,
}
META = {
    **dict.fromkeys(("created", "updated"), str | None),
    **dict.fromkeys(("image", "slice", "project", "user", "nbComments"), int),
    "countReviewedAnnotations": int,
    "reviewed": bool,
    **dict.fromkeys(("cropURL", "smallCropURL", "url", "imageURL"), str),
}
WKT = {"location": str, "geometryCompression": float}
GIS = {"area": REAL, "areaUnit": str, "perimeter": REAL, "perimeterUnit": str, "centroid": dict}
BY_TERM = {"term": list, "userByTerm": list}
ANNOTATION = {"id": int, "class": str, **META, **WKT, **GIS, **BY_TERM}
PROPERTY = {**EVERY, "key": str, "value": str, "domainIdent": int, "domainClassName": str}
LINK = {**EVERY, "tag": int, "tagName": str, "domainIdent": int, "domainClassName": str}


def check(said: Any, form: dict[str, Any]) -> None:
    for name, kind in form.items():
        assert name in said, name
        assert isinstance(said[name], kind), (name, said[name])
        # What is true or false is a number to Python.
        assert kind is not int or not isinstance(said[name], bool), name
    assert said["class"].startswith(DOMAIN)
    for name in ("created", "updated"):
        text = said.get(name)
        assert text is None or (text.isdecimal() and len(text) == 13), (name, text)
    # The client makes attributes of all keys; these are what its objects can do.
    assert not set(said) & {
        *("save", "fetch", "delete", "update", "uri", "to_json", "populate", "dump"),
        *("window", "download", "filter", "obj"),
    }
    assert not any(name.startswith(("id_", "_")) for name in said)
