"""Leave to see something: what it stands for, and when it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wsi_lab.errors import NotAllowed, NotFound, NotIdentified
from wsi_lab.model.grants import GRANT_ENDED
from wsi_lab.model.people import Actor
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.grants import (
    CYTOMINE_PIXELS_LAST,
    LINKS_LAST,
    PAGES_LAST,
    PHAS_SESSIONS_LAST,
    TILES_LAST,
    Grants,
    TileGrant,
)
from wsi_lab.service.lab import Lab, LabSettings

Make = Callable[..., Actor]


@pytest.fixture
def reader(as_user: Make, study: Study) -> Actor:
    return as_user("reader@lab", rights="view", study=study)


@pytest.fixture
def grants(lab: Lab) -> Grants:
    return lab.grants


def _see(grants: Grants, slide_id: int, grant: TileGrant) -> Actor:
    return grants.tile_viewer(slide_id, grant.url_part, [grant.cookie_part], door="tests")


def _ended(call: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    with pytest.raises(NotIdentified) as caught:
        call(*args, **kwargs)
    assert caught.value.details["reason"] == GRANT_ENDED


def test_grant_stands_for_who_asked(grants: Grants, slide: Slide, reader: Actor) -> None:
    viewer = _see(grants, slide.id, grants.tiles(reader, slide.id))
    assert viewer.user == reader.user
    assert viewer.token == reader.token
    assert viewer.rights == reader.rights


def test_parts_are_safe_in_addresses_and_cookies(
    grants: Grants, slide: Slide, reader: Actor
) -> None:
    grant = grants.tiles(reader, slide.id)
    for part in grant[:2]:
        assert part.replace("-", "").replace("_", "").isalnum()
        assert part.isascii()


def test_cut_and_longer_parts_are_none(grants: Grants, slide: Slide, reader: Actor) -> None:
    cookie, url, _ = grants.tiles(reader, slide.id)
    for parts in ((url[:-1], cookie), (url + "A", cookie), (url, cookie[:-1]), (url, cookie + "A")):
        _ended(grants.tile_viewer, slide.id, parts[0], [parts[1]], door="x")


def test_every_bit_of_a_grant_counts(grants: Grants, slide: Slide, reader: Actor) -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    cookie, url, _ = grants.tiles(reader, slide.id)
    for text, is_url in ((url, True), (cookie, False)):
        for place, letter in enumerate(text):
            other = letters[letters.index(letter) ^ 1]
            spoiled = text[:place] + other + text[place + 1 :]
            parts = (spoiled, [cookie]) if is_url else (url, [spoiled])
            _ended(grants.tile_viewer, slide.id, *parts, door="x")


@pytest.mark.parametrize("text", ["", "A", "ü" * 80, "A" * 10_000, "=", "\0", "../x", "AA==", " "])
def test_what_is_no_grant_is_none(grants: Grants, slide: Slide, text: str) -> None:
    _ended(grants.tile_viewer, slide.id, text, [text], door="x")
    _ended(grants.link_visitor, slide.id, text, door="x")
    _ended(grants.page_visitor, text, door="x")


def test_any_of_several_cookies_will_do_and_none_is_too_few(
    grants: Grants, slide: Slide, reader: Actor
) -> None:
    cookie, url, _ = grants.tiles(reader, slide.id)
    assert grants.tile_viewer(slide.id, url, ["", "old", cookie], door="x").user == reader.user
    _ended(grants.tile_viewer, slide.id, url, [], door="x")


def test_grant_is_for_one_slide_and_one_purpose(
    grants: Grants, lab: Lab, owner: Actor, study: Study, slide: Slide, reader: Actor
) -> None:
    other = lab.slides.add(owner, study.id, slide.source, name="other")
    cookie, url, _ = grants.tiles(reader, slide.id)
    _ended(grants.tile_viewer, other.id, url, [cookie], door="x")
    _ended(grants.link_visitor, slide.id, url, door="x")
    link = grants.link(reader, slide.id).text
    assert grants.link_visitor(slide.id, link, door="x").user == reader.user
    _ended(grants.link_visitor, other.id, link, door="x")
    _ended(grants.tile_viewer, slide.id, link, [cookie], door="x")
    _ended(grants.page_visitor, link, door="x")


def test_halves_of_two_grants_are_none(
    grants: Grants, slide: Slide, reader: Actor, as_user: Make, study: Study
) -> None:
    other = as_user("other@lab", rights="view", study=study)
    mine, others = grants.tiles(reader, slide.id), grants.tiles(other, slide.id)
    _ended(grants.tile_viewer, slide.id, mine.url_part, [others.cookie_part], door="x")


def test_grant_of_another_lab_is_none(
    grants: Grants, slide: Slide, reader: Actor, tmp_path: Any
) -> None:
    grant = grants.tiles(reader, slide.id)
    with Lab.open(LabSettings(tmp_path / "another home")) as another:
        _ended(_see, another.grants, slide.id, grant)


def test_grant_ends_with_its_time(grants: Grants, clock: Any, slide: Slide, reader: Actor) -> None:
    grant = grants.tiles(reader, slide.id)
    assert grant.expires_on == clock.time + TILES_LAST
    clock.time = grant.expires_on.replace(microsecond=0)
    clock.pass_(seconds=-1)
    _see(grants, slide.id, grant)
    clock.pass_(seconds=1)
    _ended(_see, grants, slide.id, grant)


def test_grant_does_not_outlive_the_token(
    grants: Grants, clock: Any, slide: Slide, study: Study, as_user: Make
) -> None:
    clock.pass_(minutes=1)
    until = clock.time.replace(hour=13)
    brief = as_user("brief@lab", rights="view", study=study, expires_on=until)
    assert grants.tiles(brief, slide.id).expires_on == until
    assert grants.link(brief, slide.id).expires_on == until


def test_grant_ends_with_the_token(grants: Grants, lab: Lab, slide: Slide, reader: Actor) -> None:
    grant = grants.tiles(reader, slide.id)
    _see(grants, slide.id, grant)
    assert reader.token is not None
    lab.people.revoke_token(reader, reader.token.id)
    _ended(_see, grants, slide.id, grant)


def test_viewer_has_the_rights_of_now(
    grants: Grants, lab: Lab, owner: Actor, study: Study, slide: Slide, reader: Actor
) -> None:
    grant = grants.tiles(reader, slide.id)
    lab.studies.remove_member(owner, study.id, "reader@lab")
    viewer = _see(grants, slide.id, grant)
    with pytest.raises(NotFound):
        lab.tiles.tile(viewer, slide.id, "deepzoom", 0, 0, 0)


def test_who_may_not_see_gets_no_grant(
    grants: Grants, slide: Slide, study: Study, as_user: Make
) -> None:
    stranger = as_user("stranger@lab")
    blind = as_user("blind@lab", rights="view", study=study, capabilities=["scores"])
    for ask in (grants.tiles, grants.link, grants.slide_page):
        with pytest.raises(NotFound):
            ask(stranger, slide.id)
        with pytest.raises(NotAllowed):
            ask(blind, slide.id)
    with pytest.raises(NotAllowed):
        grants.links(blind, study.id)


def test_links_are_there_for_every_slide(
    grants: Grants, lab: Lab, owner: Actor, study: Study, slide: Slide, clock: Any
) -> None:
    second = lab.slides.add(owner, study.id, slide.source, name="second")
    found = grants.links(owner, study.id)
    assert [each.slide.id for each in found] == [slide.id, second.id]
    assert found[0].link.expires_on == clock.time + LINKS_LAST
    for each in found:
        assert grants.link_visitor(each.slide.id, each.link.text, door="x").user == owner.user


def test_pages_are_of_a_slide_or_of_a_study(
    grants: Grants, owner: Actor, study: Study, slide: Slide, clock: Any
) -> None:
    page = grants.slide_page(owner, slide.id)
    assert page.expires_on == clock.time + PAGES_LAST
    assert grants.page_visitor(page.text, door="x")[1:] == (slide.id, None, False)
    of_study = grants.study_page(owner, study.id)
    assert grants.page_visitor(of_study.text, door="x")[1:] == (None, study.id, False)


def test_page_for_a_member_is_theirs(
    grants: Grants, owner: Actor, study: Study, slide: Slide, reader: Actor, as_user: Make
) -> None:
    page = grants.study_page(owner, study.id, reader.user)
    visitor = grants.page_visitor(page.text, door="x").actor
    assert visitor.user == reader.user
    with pytest.raises(NotFound):
        grants.study_page(owner, study.id, as_user("stranger@lab").user)
    with pytest.raises(NotAllowed):
        grants.study_page(reader, study.id, owner.user)


def test_ending_is_told_to_who_may_see_the_slide(
    grants: Grants, slide: Slide, reader: Actor, as_user: Make, clock: Any
) -> None:
    cookie, url, ending = grants.tiles(reader, slide.id)
    assert grants.tiles_expire_on(reader, url, cookie) == ending
    with pytest.raises(NotFound):
        grants.tiles_expire_on(as_user("stranger@lab"), url, cookie)
    _ended(grants.tiles_expire_on, reader, url, "AAAA")
    clock.pass_(days=1)
    _ended(grants.tiles_expire_on, reader, url, cookie)


@pytest.mark.parametrize("anonymise", [True, False])
def test_session_of_phas_is_its_users_and_says_what_it_hides(
    grants: Grants, lab: Lab, reader: Actor, clock: Any, anonymise: bool
) -> None:
    key = lab.keys.create(reader, "phas")
    actor = lab.keys.actor_of_phas_key(key.text, door="phas")
    session = grants.phas_session(actor, anonymise=anonymise)
    assert session.expires_on == clock.time + PHAS_SESSIONS_LAST
    visitor = grants.phas_visitor(session.text, door="phas")
    assert visitor.anonymise is anonymise
    assert (visitor.actor.user, visitor.actor.token) == (reader.user, key.token)
    assert (visitor.actor.door, visitor.actor.rights) == ("phas", reader.rights)
    clock.time = session.expires_on
    _ended(grants.phas_visitor, session.text, door="phas")


def test_session_of_phas_ends_with_the_key(
    grants: Grants, lab: Lab, reader: Actor, clock: Any
) -> None:
    until = clock.time.replace(hour=13)
    brief = lab.keys.create(reader, "phas", expires_on=until)
    made = lab.keys.create(reader, "phas")
    sessions = []
    for key in (brief, made):
        actor = lab.keys.actor_of_phas_key(key.text, door="phas")
        sessions.append(grants.phas_session(actor, anonymise=False))
    assert sessions[0].expires_on == until
    lab.keys.revoke(reader, made.token.id)
    _ended(grants.phas_visitor, sessions[1].text, door="phas")
    grants.phas_visitor(sessions[0].text, door="phas")
    clock.pass_(hours=1)
    _ended(grants.phas_visitor, sessions[0].text, door="phas")


def test_pixel_cookie_of_cytomine_ends_with_the_keys_and_with_new_ones(
    grants: Grants, lab: Lab, reader: Actor, clock: Any
) -> None:
    made = lab.keys.create(reader, "cytomine")
    actor, _ = lab.keys.actor_of_cytomine_key(made.text, door="cytomine")
    cookie = grants.pixel_cookie(actor)
    assert cookie.expires_on == clock.time + CYTOMINE_PIXELS_LAST
    assert grants.pixel_visitor(cookie.text, door="cytomine").token == made.token
    lab.keys.create(reader, "cytomine")
    _ended(grants.pixel_visitor, cookie.text, door="cytomine")


def test_sessions_links_and_pixel_cookies_are_good_for_nothing_else(
    grants: Grants, slide: Slide, reader: Actor
) -> None:
    session = grants.phas_session(reader, anonymise=True).text
    pixels = grants.pixel_cookie(reader).text
    link = grants.link(reader, slide.id).text
    for text in (pixels, link, "", "A" * 76):
        _ended(grants.phas_visitor, text, door="x")
    for text in (session, link, "", "A" * 76):
        _ended(grants.pixel_visitor, text, door="x")
    for text in (session, pixels):
        _ended(grants.link_visitor, slide.id, text, door="x")
        _ended(grants.link_visitor, int(text == session), text, door="x")
        _ended(grants.page_visitor, text, door="x")
        _ended(grants.tile_viewer, slide.id, text, [text], door="x")


def test_token_that_may_nothing_gets_no_session(grants: Grants, as_user: Make) -> None:
    powerless = as_user("reader@lab", capabilities=[])
    with pytest.raises(NotAllowed):
        grants.phas_session(powerless, anonymise=False)
    with pytest.raises(NotAllowed):
        grants.pixel_cookie(powerless)
