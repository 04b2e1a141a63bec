"""Tags: words that things are found by; those of slides are the words they are tagged with."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.remark import Tag, TagLink, ThingKind, same_word
from wsi_lab.model.study import MOST_TAGS, checked_name, checked_tags
from wsi_lab.service.annotating.makers import require_new
from wsi_lab.service.annotating.seeing import seen_layers
from wsi_lab.service.new_slides import store_changes
from wsi_lab.service.seen import seen_studies
from wsi_lab.service.things import Thing, thing_to_change, thing_to_see
from wsi_lab.service.transaction import Transaction, Transactions, is_id
from wsi_lab.store import tags as rows

MOST_MADE = 10_000
"""Tags of one maker."""


class Tagging:
    """Tags, and which things have them.

    A tag is one word for the whole lab. It is told to those who made it, and to those who see a
    thing that has it. To make one that others have made already is to make it one's own, too.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def tags(self, actor: Actor) -> Sequence[Tag]:
        """Return the tags that the asker made or sees on things, in the order of their ids."""
        return self._transactions.read(actor, _seen)

    def tag(self, actor: Actor, tag_id: int) -> Tag:
        """Return one tag."""
        return self._transactions.read(actor, lambda t: _tag(t, tag_id))

    def add_tag(self, actor: Actor, name: str) -> Tag:
        """Make a tag and return it; everybody who is known may.

        Raises
        ------
        Invalid
            The name is not one, or the asker has made too many.
        Conflict
            There is one of that name that the asker knows of.
        """
        (made,) = self.add_tags(actor, [name])
        return made

    def add_tags(self, actor: Actor, names: Sequence[str]) -> list[Tag]:
        """Make tags, all of them or none, and return them in the order given; see `add_tag`."""
        return self._transactions.write(actor, lambda t: [_add_tag(t, each) for each in names])

    def rename_tag(self, actor: Actor, tag_id: int, name: str) -> Tag:
        """Give a tag another name, on all that has it, and return it.

        Raises
        ------
        Invalid
            The name is not one.
        NotAllowed
            Others have made the tag, too, or use it on things that the asker may not change.
        Conflict
            There is another tag of that name.
        """
        name = checked_name(name, "tag")

        def rename(transaction: Transaction) -> Tag:
            before, things = _tag_to_change(transaction, tag_id)
            if before.name == name:
                return before
            rows.rename_tag(transaction.connection, tag_id, name)
            for thing in things:
                _retag(transaction, thing, before, name)
            after = dataclasses.replace(before, name=name)
            transaction.record("change", "tag", tag_id, before=before, after=after)
            return after

        return self._transactions.write(actor, rename)

    def remove_tag(self, actor: Actor, tag_id: int) -> None:
        """Remove a tag from all that has it, and then itself.

        Raises
        ------
        NotAllowed
            As for `rename_tag`.
        """

        def remove(transaction: Transaction) -> None:
            before, things = _tag_to_change(transaction, tag_id)
            for thing in things:
                _retag(transaction, thing, before, None)
            rows.remove_tag(transaction.connection, tag_id)
            transaction.record("remove", "tag", tag_id, before=before)

        self._transactions.write(actor, remove)

    def links(self, actor: Actor, kind: ThingKind | str, thing_id: int) -> Sequence[TagLink]:
        """Return the tags that a thing has."""

        def read(transaction: Transaction) -> Sequence[TagLink]:
            thing = thing_to_see(transaction, kind, thing_id)
            return rows.links(transaction.connection, thing.kind, thing.id)

        return self._transactions.read(actor, read)

    def get_link(self, actor: Actor, link_id: int) -> TagLink:
        """Return one link of a tag to a thing."""
        return self._transactions.read(actor, lambda t: _link(t, link_id))

    def link(self, actor: Actor, kind: ThingKind | str, thing_id: int, tag_id: int) -> TagLink:
        """Tag a thing, and return the link.

        Raises
        ------
        NotFound
            There is no such tag, or not for the asker.
        Conflict
            The thing has the tag.
        Invalid
            It would have too many.
        """
        (made,) = self.link_all(actor, kind, thing_id, [tag_id])
        return made

    def link_all(
        self, actor: Actor, kind: ThingKind | str, thing_id: int, tag_ids: Sequence[int]
    ) -> list[TagLink]:
        """Give a thing tags, all of them or none, and return the links; see `link`."""

        def tag(transaction: Transaction) -> list[TagLink]:
            # A slide is another one after each of its words.
            return [
                _add_link(transaction, thing_to_change(transaction, kind, thing_id), each)
                for each in tag_ids
            ]

        return self._transactions.write(actor, tag)

    def unlink(self, actor: Actor, link_id: int) -> None:
        """Take a tag from a thing."""

        def untag(transaction: Transaction) -> None:
            before = _link(transaction, link_id)
            thing = thing_to_change(transaction, before.kind, before.thing_id)
            _retag(transaction, thing, before.tag, None)
            rows.remove_link(transaction.connection, link_id)
            _record(transaction, "remove", thing, before)

        self._transactions.write(actor, untag)


def _seen(transaction: Transaction) -> list[Tag]:
    transaction.require(Action.LAB_VIEW)
    user, token = transaction.actor.user, transaction.actor.token
    if user.is_admin and not (token is not None and token.read_studies):
        return rows.all_tags(transaction.connection)
    studies = seen_studies(transaction)
    layers = [
        (each.question.id, each.only)
        for study in studies
        for each in seen_layers(transaction, study)
    ]
    return rows.seen_tags(transaction.connection, user.id, [each.id for each in studies], layers)


def _tag(transaction: Transaction, tag_id: int) -> Tag:
    found = rows.tag(transaction.connection, tag_id) if is_id(tag_id) else None
    if found is None or found.id not in {each.id for each in _seen(transaction)}:
        raise NotFound(f"There is no tag {tag_id}.")
    return found


def _add_tag(transaction: Transaction, name: str) -> Tag:
    name = checked_name(name, "tag")
    require_new(transaction)
    user, connection = transaction.actor.user, transaction.connection
    known = rows.tag_by_name(connection, name)
    if known is not None and known.id in {each.id for each in _seen(transaction)}:
        raise Conflict(f"There already is a tag '{known.name}'.", current=known.id)
    if rows.made_count(connection, user.id) >= MOST_MADE:
        raise Invalid(f"You have made {MOST_MADE:,} tags; remove some.")
    made = known or rows.add_tag(connection, name, created_on=transaction.now, created_by=user.id)
    rows.add_maker(connection, made.id, user.id)
    transaction.record("create", "tag", made.id, after=made)
    return made


def _add_link(transaction: Transaction, thing: Thing, tag_id: int) -> TagLink:
    wanted, connection = _tag(transaction, tag_id), transaction.connection
    there = rows.links(connection, thing.kind, thing.id)
    if any(each.tag.id == tag_id for each in there):
        raise Conflict(f"It is tagged '{wanted.name}' already.")
    if len(there) >= MOST_TAGS:
        raise Invalid(f"A thing may have at most {MOST_TAGS} tags.")
    if thing.slide is not None and thing.study is not None:
        words = checked_tags([*thing.slide.tags, wanted.name])
        store_changes(transaction, thing.study, thing.slide, {"tags": words})
    by = transaction.actor.user.id
    made = rows.add_link(connection, tag_id, thing.kind, thing.id, transaction.now, by)
    _record(transaction, "create", thing, made)
    return made


def _tag_to_change(transaction: Transaction, tag_id: int) -> tuple[Tag, list[Thing]]:
    """Return a tag, and all that has it, which the asker may change."""
    found, user = _tag(transaction, tag_id), transaction.actor.user
    require_new(transaction)
    refused = NotAllowed(
        "This tag is not yours alone; a site administrator may change or remove it."
    )
    if not user.is_admin and rows.makers(transaction.connection, tag_id) != {user.id}:
        raise refused
    things = []
    for each in rows.links_of_tag(transaction.connection, tag_id):
        try:
            things.append(thing_to_change(transaction, each.kind, each.thing_id))
        except (NotFound, NotAllowed):
            if not user.is_admin:
                raise refused from None
    return found, things


def _link(transaction: Transaction, link_id: int) -> TagLink:
    missing = NotFound(f"There is no link {link_id} of a tag to a thing.")
    found = rows.link(transaction.connection, link_id) if is_id(link_id) else None
    if found is None:
        raise missing
    try:
        thing_to_see(transaction, found.kind, found.thing_id)
    except NotFound:
        raise missing from None
    return found


def _retag(transaction: Transaction, thing: Thing, tag: Tag, name: str | None) -> None:
    """Give the words of a slide another one in the place of a tag, or none."""
    slide, study = thing.slide, thing.study
    if slide is None or study is None:
        return
    kept = [each for each in slide.tags if not same_word(each, tag.name)]
    words = checked_tags(kept if name is None else [*kept, name])
    store_changes(transaction, study, slide, {"tags": words})


def _record(transaction: Transaction, verb: str, thing: Thing, link: TagLink) -> None:
    said = {"tag": link.tag.name, "kind": thing.kind.value, "thing": thing.id}
    is_new = verb == "create"
    transaction.record(
        verb,
        "tag link",
        link.id,
        study_id=thing.study_id,
        before=None if is_new else said,
        after=said if is_new else None,
    )
