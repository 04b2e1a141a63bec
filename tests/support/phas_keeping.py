"""What PHAS clients answer, kept as files, and which of their methods were asked.

Runs under an interpreter that has the released client, and under ours.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CLASSES = (
    "Client",
    "Labelset",
    "Task",
    "SamplingROITask",
    "DLTrainingTask",
    "AnnotationTask",
    "Slide",
    "SamplingROIPatchExtractor",
)
STATUS = {"Invalid": 400, "NotIdentified": 401, "NotAllowed": 403, "NotFound": 404}


class Kept:
    """Answers, by what was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answers: dict[str, Any] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, name: str, call: Callable[[], Any]) -> Any:
        """Keep what a call answers, or how it fails."""
        assert name not in self.answers, name
        try:
            answer = call()
        except Exception as error:  # noqa: BLE001 (how it fails is what is kept)
            self.answers[name] = {"refused": refusal(error), "said": repr(error)[:500]}
            return None
        self.answers[name] = {"value": self._told(name, answer)}
        return answer

    def _told(self, name: str, answer: Any) -> Any:
        file = self.folder / name.replace("/", "_").replace(" ", "-")
        if isinstance(answer, (Image.Image, np.ndarray)):
            mode = answer.mode if isinstance(answer, Image.Image) else "array"
            np.save(f"{file}.npy", np.asarray(answer))
            return {"npy": f"{file.name}.npy", "mode": mode}
        if isinstance(answer, bytes):
            Path(f"{file}.bin").write_bytes(answer)
            return {"bin": f"{file.name}.bin"}
        if isinstance(answer, tuple):
            return [self._told(f"{name} {place}", each) for place, each in enumerate(answer)]
        return answer

    def write(self, **more: Any) -> None:
        text = json.dumps({"answers": self.answers, **more})
        (self.folder / "results.json").write_text(text)


def refusal(error: Exception) -> Any:
    """Return the status that an error stands for, or the name of its class."""
    if getattr(error, "response", None) is not None:
        return error.response.status_code
    names = [each.__name__ for each in type(error).__mro__]
    found = [STATUS[each] for each in names if each in STATUS]
    if "ValueError" in names and names[0] in {"ValueError", "WrongMode", "UnusableKey"}:
        return "ValueError"
    return found[0] if found else names[0]


def public(kind: type) -> dict[str, Any]:
    """Return a class's own public methods and properties."""
    found = {name: each for name, each in vars(kind).items() if not name.startswith("_")}
    called = (property, functools.cached_property)
    return {
        name: each for name, each in found.items() if callable(each) or isinstance(each, called)
    }


def parameters(function: Any) -> list[list[str]]:
    """Return the names and defaults of a method's positional parameters."""
    if not callable(function):
        return []
    keyword_only = inspect.Parameter.KEYWORD_ONLY
    return [
        [each.name, "" if each.default is each.empty else repr(each.default)]
        for each in inspect.signature(function).parameters.values()
        if each.kind is not keyword_only
    ]


def described(module: Any) -> dict[str, Any]:
    """Return the public names of a client's classes, with their parameters."""
    kinds = {name: getattr(module, name) for name in CLASSES}
    return {
        f"{name}.{member}": parameters(each)
        for name, kind in kinds.items()
        for member, each in {"__init__": kind.__init__, **public(kind)}.items()
    }


def watched(module: Any) -> set[str]:
    """Return a set that fills with the public names that are used."""
    used: set[str] = set()

    def watch(label: str, function: Any) -> Any:
        @functools.wraps(function)
        def told(*args: Any, **named: Any) -> Any:
            used.add(label)
            return function(*args, **named)

        return told

    for name in CLASSES:
        kind = getattr(module, name)
        for member, each in public(kind).items():
            label = f"{name}.{member}"
            if isinstance(each, property):
                setter = each.fset and watch(f"{label} set", each.fset)
                setattr(kind, member, property(watch(label, each.fget), setter))
            elif callable(each):
                setattr(kind, member, watch(label, each))
    return used
