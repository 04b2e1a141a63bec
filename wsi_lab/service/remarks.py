"""What is said of studies, slides, images and shapes besides: properties, tags, descriptions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from wsi_lab.errors import Conflict, Invalid, NotFound
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.remark import (
    CASE_KEY,
    Property,
    ThingKind,
    checked_key,
    checked_value,
    property_id,
    value_text,
)
from wsi_lab.service.annotating.shape_properties import ShapeSaid, say
from wsi_lab.service.describing import Describing
from wsi_lab.service.tagging import Tagging
from wsi_lab.service.things import Thing, thing_to_change, thing_to_see
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import remarks as rows
from wsi_lab.store import studies

MOST_PROPERTIES = 1000
"""Of one thing."""


class Remarks(Tagging, Describing):
    """Properties, tags and descriptions of things.

    They are read by whoever may view a thing, and written by whoever may change it. The
    properties of a shape are a part of it, each of them under a key of its own; a slide has its
    case among its properties, which is not changed here.
    """

    def properties(self, actor: Actor, kind: ThingKind | str, thing_id: int) -> Sequence[Property]:
        """Return the properties of a thing."""
        return self._transactions.read(
            actor, lambda t: _properties(t, thing_to_see(t, kind, thing_id))
        )

    def property(self, actor: Actor, kind: ThingKind | str, thing_id: int, number: int) -> Property:
        """Return one property of a thing.

        Raises
        ------
        NotFound
            It has none of that id.
        """
        return self._transactions.read(
            actor, lambda t: _property(t, thing_to_see(t, kind, thing_id), number)
        )

    def by_key(self, actor: Actor, kind: ThingKind | str, thing_id: int, key: str) -> Property:
        """Return the first property of a thing that has that key.

        Raises
        ------
        NotFound
            It has none.
        """

        def read(transaction: Transaction) -> Property:
            found = _properties(transaction, thing_to_see(transaction, kind, thing_id))
            one = next((each for each in found if each.key == key), None)
            if one is None:
                raise NotFound(f"It has no property '{key[:100]}'.")
            return one

        return self._transactions.read(actor, read)

    def add_properties(
        self,
        actor: Actor,
        kind: ThingKind | str,
        thing_id: int,
        pairs: Sequence[tuple[str, Any]],
    ) -> Sequence[Property]:
        """Say something of a thing, all of it or nothing, and return it.

        Raises
        ------
        Invalid
            A key or a value is not one, or there are too many.
        Conflict
            A shape has a property of that key.
        """
        checked = checked_pairs(pairs)

        def add(transaction: Transaction) -> Sequence[Property]:
            thing = thing_to_change(transaction, kind, thing_id)
            if thing.shape is not None:
                return _add_to_shape(transaction, thing.shape, checked)
            _check_keys(thing, [key for key, _ in checked])
            return add_remarks(transaction, thing.kind, thing.id, thing.study_id, checked)

        return self._transactions.write(actor, add)

    def change_property(
        self,
        actor: Actor,
        kind: ThingKind | str,
        thing_id: int,
        number: int,
        *,
        key: str | None = None,
        value: Any = None,
    ) -> Property:
        """Change what is given of a property, and return it.

        Raises
        ------
        Invalid
            The key or the value is not one, or it is a slide's case.
        NotFound
            The thing has no property of that id.
        Conflict
            A shape has another property of that key.
        """
        wanted_key = None if key is None else checked_key(key)
        wanted_value = None if value is None else checked_value(value)

        def change(transaction: Transaction) -> Property:
            thing = thing_to_change(transaction, kind, thing_id)
            before = _own_property(transaction, thing, number)
            after = dataclasses.replace(
                before,
                key=before.key if wanted_key is None else wanted_key,
                value=before.value if wanted_value is None else wanted_value,
            )
            if after == before:
                return before
            if thing.shape is not None:
                return _change_of_shape(transaction, thing.shape, before, after)
            _check_keys(thing, [after.key])
            after = rows.update_property(transaction.connection, after, transaction.now)
            _record(transaction, "change", thing.study_id, before, after)
            return after

        return self._transactions.write(actor, change)

    def remove_property(
        self, actor: Actor, kind: ThingKind | str, thing_id: int, number: int
    ) -> None:
        """Remove a property.

        Raises
        ------
        Invalid
            It is a slide's case.
        NotFound
            The thing has no property of that id.
        """

        def remove(transaction: Transaction) -> None:
            thing = thing_to_change(transaction, kind, thing_id)
            before = _own_property(transaction, thing, number)
            if thing.shape is not None:
                said = dict(thing.shape.properties)
                del said[before.key]
                say(transaction, thing.shape, said)
                return
            rows.remove_property(transaction.connection, before.id)
            _record(transaction, "remove", thing.study_id, before, None)

        self._transactions.write(actor, remove)


def checked_pairs(pairs: Sequence[tuple[str, Any]]) -> list[tuple[str, str]]:
    """Return keys and values as text.

    Raises
    ------
    Invalid
        One of them is not one, or there are too many.
    """
    if len(pairs) > MOST_PROPERTIES:
        raise Invalid(f"A thing may have at most {MOST_PROPERTIES:,} properties.")
    return [(checked_key(key), checked_value(value)) for key, value in pairs]


def add_remarks(
    transaction: Transaction,
    kind: ThingKind,
    thing_id: int,
    study_id: int | None,
    pairs: Sequence[tuple[str, str]],
) -> Sequence[Property]:
    """Store properties of a thing that is no shape; for verbs that have asked for the right.

    Raises
    ------
    Invalid
        It would have too many.
    """
    connection = transaction.connection
    if len(rows.properties(connection, kind, thing_id)) + len(pairs) > MOST_PROPERTIES:
        raise Invalid(f"A thing may have at most {MOST_PROPERTIES:,} properties.")
    added = rows.add_properties(
        connection,
        kind,
        thing_id,
        pairs,
        created_on=transaction.now,
        created_by=transaction.actor.user.id,
    )
    for each in added:
        _record(transaction, "create", study_id, None, each)
    return added


def _properties(transaction: Transaction, thing: Thing) -> list[Property]:
    if thing.shape is not None:
        return _of_shape(thing.shape.id, thing.shape.properties)
    found = rows.properties(transaction.connection, thing.kind, thing.id)
    return [*_case(transaction, thing), *found]


def _case(transaction: Transaction, thing: Thing) -> list[Property]:
    """Return a slide's case, by the name that the asker may know, as a property."""
    slide, study = thing.slide, thing.study
    if slide is None or study is None or slide.case_id is None:
        return []
    case = studies.case(transaction.connection, slide.case_id)
    if case is None:
        return []
    is_private = transaction.may(Action.CASE_PRIVATE, study) and case.name is not None
    name = case.name if is_private else case.public_name
    number = property_id(thing.kind, thing.id, CASE_KEY)
    return [Property(number, thing.kind, thing.id, CASE_KEY, name or "")]


def _property(transaction: Transaction, thing: Thing, number: int) -> Property:
    found = next((each for each in _properties(transaction, thing) if each.id == number), None)
    if found is None:
        raise NotFound(f"It has no property {number}.")
    return found


def _own_property(transaction: Transaction, thing: Thing, number: int) -> Property:
    if thing.slide is not None and number == property_id(thing.kind, thing.id, CASE_KEY):
        raise Invalid("The case of a slide is not changed by its properties.")
    return _property(transaction, thing, number)


def _check_keys(thing: Thing, keys: Sequence[str]) -> None:
    if thing.slide is not None and CASE_KEY in keys:
        raise Invalid(f"'{CASE_KEY}' is the slide's case, which is not changed by its properties.")


def _of_shape(shape_id: int, said: Mapping[str, Any]) -> list[Property]:
    kind = ThingKind.ANNOTATION
    return [
        Property(property_id(kind, shape_id, key), kind, shape_id, key, value_text(value))
        for key, value in said.items()
    ]


def _add_to_shape(
    transaction: Transaction, shape: ShapeSaid, pairs: Sequence[tuple[str, str]]
) -> list[Property]:
    added = dict(pairs)
    there = [key for key in added if key in shape.properties]
    if there or len(added) < len(pairs):
        raise Conflict(f"A shape has one property of a key; there is '{(there or [*added])[0]}'.")
    if len(shape.properties) + len(added) > MOST_PROPERTIES:
        raise Invalid(f"A thing may have at most {MOST_PROPERTIES:,} properties.")
    if not added:
        return []
    shape_id = say(transaction, shape, {**shape.properties, **added})
    return _of_shape(shape_id, added)


def _change_of_shape(
    transaction: Transaction, shape: ShapeSaid, before: Property, after: Property
) -> Property:
    if after.key != before.key and after.key in shape.properties:
        raise Conflict(f"The shape has a property '{after.key}' already.")
    said = {
        (after.key if key == before.key else key): (after.value if key == before.key else value)
        for key, value in shape.properties.items()
    }
    shape_id = say(transaction, shape, said)
    return _of_shape(shape_id, {after.key: after.value})[0]


def _record(
    transaction: Transaction,
    verb: str,
    study_id: int | None,
    before: Property | None,
    after: Property | None,
) -> None:
    either = after or before
    assert either is not None  # noqa: S101 (one of the two is given)
    transaction.record(verb, "property", either.id, study_id=study_id, before=before, after=after)
