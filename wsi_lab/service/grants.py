"""Leave to see something for a while, without asking the database for each tile."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from wsi_lab.errors import NotFound, NotIdentified
from wsi_lab.model.grants import Grant, GrantSigner, Purpose, grant_ended
from wsi_lab.model.people import Action, Actor, User
from wsi_lab.model.study import Slide
from wsi_lab.service.clock import Clock
from wsi_lab.service.people import People
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.store import people as people_rows
from wsi_lab.store import slides as slide_rows

TILES_LAST = timedelta(hours=8)
LINKS_LAST = timedelta(days=30)
PAGES_LAST = timedelta(days=14)
PHAS_SESSIONS_LAST = timedelta(days=31)
CYTOMINE_PIXELS_LAST = timedelta(hours=12)
MOST_READ = 4096

_NO_GUESTS = (Purpose.TILES,)
_EVERYBODY = (Purpose.TILES, Purpose.GUEST_TILES)

_Sent = tuple[Purpose, str, str]


class TileGrant(NamedTuple):
    """Leave to see the tiles of a slide."""

    cookie_part: str
    url_part: str
    expires_on: datetime


class Link(NamedTuple):
    """Leave to see something, as a text that is part of an address."""

    text: str
    expires_on: datetime


class PageVisitor(NamedTuple):
    """Who comes with the link of a page, and of which slide or study it may be.

    Attributes
    ----------
    is_guest
        Whether they may be somebody else than the actor, whose link they were given.
    """

    actor: Actor
    slide_id: int | None
    study_id: int | None
    is_guest: bool = False


class PhasVisitor(NamedTuple):
    """Who comes with a session of PHAS, and whether they want private names hidden."""

    actor: Actor
    anonymise: bool


class SlideLink(NamedTuple):
    """A slide, and leave to see it elsewhere."""

    slide: Slide
    link: Link


class Grants:
    """Leave to see something for a while, for programs and pages that bring no token.

    Nothing about a grant is stored. It ends with its time, and at once with the rights of who
    asked for it: with the token, the membership, the user.

    Parameters
    ----------
    key
        Returns the lab's own secret.
    """

    def __init__(
        self, transactions: Transactions, people: People, clock: Clock, key: Callable[[], bytes]
    ) -> None:
        self._transactions = transactions
        self._people = people
        self._clock = clock
        self._key = key
        self._signer: GrantSigner | None = None
        self._read: dict[_Sent, Grant] = {}

    def tiles(self, actor: Actor, slide_id: int, *, for_guests: bool = False) -> TileGrant:
        """Return leave to see the tiles of a slide.

        Parameters
        ----------
        for_guests
            It is leave for the tiles only, and not for what else the asker may see or do.

        Raises
        ------
        NotFound, NotAllowed
            The asker may not see it.
        """

        def make(transaction: Transaction) -> Grant:
            transaction.slide(slide_id, Action.SLIDE_VIEW)
            purpose = Purpose.GUEST_TILES if for_guests else Purpose.TILES
            return _grant(transaction, purpose, slide_id, TILES_LAST)

        grant = self._transactions.read(actor, make)
        url_part, cookie_part = self._signing().parts(grant)
        return TileGrant(cookie_part, url_part, grant.expires_on)

    def link(self, actor: Actor, slide_id: int) -> Link:
        """Return leave to see a slide in a program that keeps its address and nothing else.

        Raises
        ------
        NotFound, NotAllowed
            The asker may not see it.
        """

        def make(transaction: Transaction) -> Grant:
            transaction.slide(slide_id, Action.SLIDE_VIEW)
            return _grant(transaction, Purpose.LINK, slide_id, LINKS_LAST)

        return self._link(self._transactions.read(actor, make))

    def links(self, actor: Actor, study_id: int) -> list[SlideLink]:
        """Return what `link` does for every slide of a study, in the order of their ids.

        Raises
        ------
        NotFound, NotAllowed
            The asker may not see its slides.
        """

        def make(transaction: Transaction) -> list[tuple[Slide, Grant]]:
            study = transaction.study(study_id, Action.SLIDE_VIEW)
            found = slide_rows.all_slides(transaction.connection, study.id)
            return [
                (each, _grant(transaction, Purpose.LINK, each.id, LINKS_LAST)) for each in found
            ]

        return [
            SlideLink(slide, self._link(grant))
            for slide, grant in self._transactions.read(actor, make)
        ]

    def slide_page(self, actor: Actor, slide_id: int, *, for_guests: bool = False) -> Link:
        """Return leave to open the page of a slide.

        Parameters
        ----------
        for_guests
            The link is given to others. They see the slide, and not what was drawn on it.

        Raises
        ------
        NotFound, NotAllowed
            The asker may not see it.
        """

        def make(transaction: Transaction) -> Grant:
            transaction.slide(slide_id, Action.SLIDE_VIEW)
            purpose = Purpose.GUEST_PAGE if for_guests else Purpose.SLIDE_PAGE
            return _grant(transaction, purpose, slide_id, PAGES_LAST)

        return self._link(self._transactions.read(actor, make))

    def study_page(self, actor: Actor, study_id: int, user: User | None = None) -> Link:
        """Return leave to open the pages of a study's slides.

        Parameters
        ----------
        user
            Whose leave it is to be: a member whom the asker may write to. The default is the
            asker's own.

        Raises
        ------
        NotFound, NotAllowed
            The asker may not see it, or not write to its members; or the user is no member.
        """

        def make(transaction: Transaction) -> Grant:
            if user is None or user.id == transaction.actor.user.id:
                transaction.study(study_id, Action.SLIDE_VIEW)
                return _grant(transaction, Purpose.STUDY_PAGE, study_id, PAGES_LAST)
            transaction.study(study_id, Action.STUDY_MAIL)
            rights = people_rows.rights_of_user(transaction.connection, user.id)
            if study_id not in rights:
                raise NotFound("The study has no such member.")
            ending = _ending(transaction.now, PAGES_LAST, None)
            return Grant(Purpose.STUDY_PAGE, study_id, user.id, None, ending)

        return self._link(self._transactions.read(actor, make))

    def phas_session(self, actor: Actor, *, anonymise: bool) -> Link:
        """Return a session of PHAS, which ends with the key that the asker comes with.

        Parameters
        ----------
        anonymise
            Whether private names are hidden in it, whatever the asker may see.

        Raises
        ------
        NotAllowed
            They come with a token that may nothing.
        """
        return self._standing(actor, Purpose.PHAS_SESSION, int(anonymise), PHAS_SESSIONS_LAST)

    def pixel_cookie(self, actor: Actor) -> Link:
        """Return leave to fetch pictures and files as a client of Cytomine; see `phas_session`."""
        return self._standing(actor, Purpose.CYTOMINE_PIXELS, 0, CYTOMINE_PIXELS_LAST)

    @property
    def is_ready(self) -> bool:
        """Whether grants can be read without asking for the lab's secret first."""
        return self._signer is not None

    def tile_viewer(
        self,
        slide_id: int,
        url_part: str,
        cookie_parts: Iterable[str],
        *,
        door: str,
        accept_guests: bool = False,
    ) -> Actor:
        """Return whose leave it is to see the tiles of a slide.

        What they may now is asked by whatever they are let in for.

        Parameters
        ----------
        cookie_parts
            Any of them will do: a browser may hold those of several slides.
        accept_guests
            Whether leave for the tiles only will do, too.

        Raises
        ------
        NotIdentified
            They are no grant for this slide, or one that has ended.
        """
        purposes = _EVERYBODY if accept_guests else _NO_GUESTS
        for cookie_part in cookie_parts:
            for purpose in purposes:
                try:
                    grant = self._known(purpose, url_part, cookie_part)
                    return self._owner(grant, slide_id, door)
                except NotIdentified:
                    continue
        raise grant_ended()

    def link_visitor(self, slide_id: int, text: str, *, door: str) -> Actor:
        """Return whose leave a link to a slide is; see `tile_viewer`."""
        return self._owner(self._known(Purpose.LINK, text), slide_id, door)

    def page_visitor(self, text: str, *, door: str) -> PageVisitor:
        """Return whose leave the link of a page is, and to what; see `tile_viewer`."""
        for purpose in (Purpose.SLIDE_PAGE, Purpose.GUEST_PAGE, Purpose.STUDY_PAGE):
            try:
                grant = self._known(purpose, text)
            except NotIdentified:
                continue
            actor = self._owner(grant, grant.thing_id, door)
            if purpose is Purpose.STUDY_PAGE:
                return PageVisitor(actor, None, grant.thing_id)
            return PageVisitor(actor, grant.thing_id, None, purpose is Purpose.GUEST_PAGE)
        raise grant_ended()

    def phas_visitor(self, text: str, *, door: str) -> PhasVisitor:
        """Return whose session of PHAS it is; see `tile_viewer`."""
        grant = self._known(Purpose.PHAS_SESSION, text)
        return PhasVisitor(self._owner(grant, grant.thing_id, door), bool(grant.thing_id))

    def pixel_visitor(self, text: str, *, door: str) -> Actor:
        """Return who may fetch pictures and files as a client of Cytomine; see `tile_viewer`."""
        return self._owner(self._known(Purpose.CYTOMINE_PIXELS, text), 0, door)

    def tiles_expire_on(self, actor: Actor, url_part: str, cookie_part: str) -> datetime:
        """Return when leave to see tiles ends by itself, whoever's it is.

        Raises
        ------
        NotIdentified
            It is none, or has ended.
        NotFound, NotAllowed
            The asker may not see the slide.
        """
        grant = self._known(Purpose.TILES, url_part, cookie_part)
        self._owner(grant, grant.thing_id, actor.door)

        def check(transaction: Transaction) -> None:
            transaction.slide(grant.thing_id, Action.SLIDE_VIEW)

        self._transactions.read(actor, check)
        return grant.expires_on

    def _standing(self, actor: Actor, purpose: Purpose, thing_id: int, lasts: timedelta) -> Link:
        """Return leave that is about no slide and no study."""

        def make(transaction: Transaction) -> Grant:
            transaction.require(Action.LAB_VIEW)
            return _grant(transaction, purpose, thing_id, lasts)

        return self._link(self._transactions.read(actor, make))

    def _signing(self) -> GrantSigner:
        if self._signer is None:
            self._signer = GrantSigner(self._key())
        return self._signer

    def _link(self, grant: Grant) -> Link:
        return Link(self._signing().parts(grant)[0], grant.expires_on)

    def _known(self, purpose: Purpose, url_part: str, cookie_part: str = "") -> Grant:
        sent = purpose, url_part, cookie_part
        grant = self._read.get(sent)
        if grant is None:
            grant = self._signing().read(*sent)
            if len(self._read) >= MOST_READ:
                self._read.clear()
            self._read[sent] = grant
        return grant

    def _owner(self, grant: Grant, thing_id: int, door: str) -> Actor:
        if grant.thing_id != thing_id or self._clock.now() >= grant.expires_on:
            raise grant_ended()
        try:
            return self._people.actor_of_ids(grant.user_id, grant.token_id, door=door)
        except NotIdentified as error:
            raise grant_ended() from error


def _grant(transaction: Transaction, purpose: Purpose, thing_id: int, lasts: timedelta) -> Grant:
    actor = transaction.actor
    token_id = None if actor.token is None else actor.token.id
    limit = None if actor.token is None else actor.token.expires_on
    return Grant(purpose, thing_id, actor.user.id, token_id, _ending(transaction.now, lasts, limit))


def _ending(now: datetime, lasts: timedelta, limit: datetime | None) -> datetime:
    # In whole seconds, as the text has it, and not after the token's own end.
    ending = now + lasts if limit is None else min(now + lasts, limit)
    return ending.replace(microsecond=0)
