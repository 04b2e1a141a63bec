"""Collections that are looked up by name or id."""

from __future__ import annotations

import difflib
import operator
from abc import abstractmethod
from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from itertools import islice
from typing import Protocol, SupportsIndex, TypeVar, cast

from wsi_lab.errors import NotFound
from wsi_lab.model.study import LONGEST_NAME

NAMES_TO_COMPARE = 5000
NAMES_TO_LIST = 5


class UnknownKey(NotFound, KeyError):
    """Nothing has this name or id; close matches are in the message. Also a `KeyError`."""

    code = "unknown_key"

    def __str__(self) -> str:
        # KeyError would show the sentence in quotes.
        return self.message


class Named(Protocol):
    """Something with an id and a name."""

    @property
    def id(self) -> int:
        """Unique for its kind in the whole lab."""

    @property
    def name(self) -> str:
        """What people call it."""


N = TypeVar("N", bound=Named)


class NamedCollection(Mapping[str | int, N]):
    """Things of one kind by name or by id; read from the lab each time, nothing is kept.

    Iterating gives names. `values` and `items` read all of it in as few requests as can be.
    """

    _what: str

    @abstractmethod
    def _all(self, name: str | None = None) -> Iterator[N]:
        """Yield all of them, or those of exactly that name."""

    @abstractmethod
    def _of_id(self, number: int) -> N:
        """Return one of them, or raise `NotFound`."""

    def __getitem__(self, key: str | int) -> N:
        """Return what has that name, or that id if a whole number is given.

        Raises
        ------
        UnknownKey
            Nothing has; the message names what is called nearly the same. It is a `NotFound`
            and a `KeyError`.
        """
        if not isinstance(key, str):
            return self._by_id(key)
        found = list(islice(self._all(key), 2)) if len(key) <= LONGEST_NAME else []
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(str(each.id) for each in islice(self._all(key), 5))
            raise UnknownKey(
                f"Several {self._plural} are called {key!r}; use an id instead, one of {ids}."
            )
        raise UnknownKey(self._advice(key), name=key)

    def __iter__(self) -> Iterator[str | int]:
        return (each.name for each in self._all())

    def __len__(self) -> int:
        return sum(1 for _ in self._all())

    def __bool__(self) -> bool:
        return next(self._all(), None) is not None

    def values(self) -> ValuesView[N]:
        """Return a view of the things themselves."""
        return _Values(self)

    def items(self) -> ItemsView[str | int, N]:
        """Return a view of name and thing."""
        return _Items(self)

    @property
    def _plural(self) -> str:
        return "studies" if self._what == "study" else self._what + "s"

    def _by_id(self, key: SupportsIndex) -> N:
        try:
            number = operator.index(key)
        except TypeError:
            raise TypeError(
                f"A {self._what} is looked up by its name (text) or its id (a whole number)."
            ) from None
        try:
            return self._of_id(number)
        except NotFound as error:
            unknown = UnknownKey(f"There is no {self._what} with the id {number}.", id=number)
            unknown.request = error.request
            raise unknown from error

    def _advice(self, key: str) -> str:
        names = [each.name for each in islice(self._all(), NAMES_TO_COMPARE)]
        if not names:
            return f"There is no {self._what} called {key!r}; there are no {self._plural} yet."
        folded = {name.casefold(): name for name in names}
        close = difflib.get_close_matches(key.casefold(), list(folded), n=3, cutoff=0.5)
        if not close and len(names) <= NAMES_TO_LIST:
            known = ", ".join(map(repr, names))
            return f"There is no {self._what} called {key!r}; known here: {known}."
        if not close:
            return f"There is no {self._what} called {key!r}."
        meant = " or ".join(repr(folded[each]) for each in close)
        return f"There is no {self._what} called {key!r}; did you mean {meant}?"


class _Values(ValuesView[N]):
    def __iter__(self) -> Iterator[N]:
        return _source(self)._all()  # noqa: SLF001 (a view of its own collection)

    def __contains__(self, value: object) -> bool:
        return any(each == value for each in self)


class _Items(ItemsView[str | int, N]):
    def __iter__(self) -> Iterator[tuple[str | int, N]]:
        return ((each.name, each) for each in _source(self)._all())  # noqa: SLF001 (as above)


def _source(view: ValuesView[N] | ItemsView[str | int, N]) -> NamedCollection[N]:
    # The base class of both views keeps the mapping it was made from under this name.
    return cast("NamedCollection[N]", view._mapping)  # type: ignore[union-attr]  # noqa: SLF001 (typeshed does not know it on both)
