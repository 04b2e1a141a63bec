from __future__ import annotations

from collections.abc import Callable

import pytest

from wsi_lab.errors import Invalid, NotAllowed, NotFound, TooLarge
from wsi_lab.model.people import Actor
from wsi_lab.model.study import Slide, Study
from wsi_lab.model.viewing import SessionEvent
from wsi_lab.service import viewing
from wsi_lab.service.lab import Lab

FIRST = SessionEvent(0, -10, 0, 2000, 1500, 5, 6)
SECOND = SessionEvent(1500, 100, 200, 500, 400, 120, 240)


def test_what_was_seen_comes_back_in_its_order(
    lab: Lab, owner: Actor, study: Study, slide: Slide, as_user: Callable[..., Actor], clock
) -> None:
    reader = as_user("reader@lab", rights="view", study=study)
    session_id = lab.sessions.begin(reader, slide.id)
    lab.sessions.add_events(reader, session_id, [FIRST])
    lab.sessions.add_events(reader, session_id, [SECOND, FIRST])
    (session,) = lab.sessions.list(owner, study.id)
    assert (session.id, session.email, session.slide_id) == (session_id, "reader@lab", slide.id)
    assert (session.length_ms, session.created_on) == (1500, clock.time)
    assert lab.sessions.events(owner, study.id, session_id) == [FIRST, SECOND, FIRST]


def test_sessions_are_found_by_slide_and_user(
    lab: Lab, owner: Actor, study: Study, slide: Slide, slide_file, as_user: Callable[..., Actor]
) -> None:
    other = lab.slides.add(owner, study.id, slide_file, name="other")
    reader = as_user("reader@lab", rights="view", study=study)
    mine, its = lab.sessions.begin(owner, slide.id), lab.sessions.begin(reader, other.id)

    def ids(**wanted) -> list[int]:
        return [each.id for each in lab.sessions.list(owner, study.id, **wanted)]

    assert ids() == [mine, its]
    assert ids(slide_id=other.id) == [its]
    assert ids(email="READER@lab") == [its]
    assert ids(email="") == [mine, its]
    assert ids(slide_id=1 << 70) == []


def test_sessions_are_their_owners_to_add_to_and_the_results_readers_to_see(
    lab: Lab, owner: Actor, study: Study, slide: Slide, as_user: Callable[..., Actor]
) -> None:
    reader = as_user("reader@lab", rights="view", study=study)
    session_id = lab.sessions.begin(reader, slide.id)
    for somebody, number in ((owner, session_id), (reader, session_id + 1), (reader, 1 << 70)):
        with pytest.raises(NotFound, match="no session"):
            lab.sessions.add_events(somebody, number, [FIRST])
    with pytest.raises(NotAllowed, match="'results'"):
        lab.sessions.list(reader, study.id)
    with pytest.raises(NotAllowed, match="'results'"):
        lab.sessions.events(reader, study.id, session_id)
    with pytest.raises(NotFound):
        lab.sessions.begin(as_user("stranger@lab"), slide.id)
    other = lab.studies.create(owner, "other")
    with pytest.raises(NotFound, match="no session"):
        lab.sessions.events(owner, other.id, session_id)
    lab.studies.remove_member(owner, study.id, "reader@lab")
    with pytest.raises(NotFound):
        lab.sessions.add_events(reader, session_id, [FIRST])


def test_events_that_cannot_be_are_refused(
    lab: Lab, owner: Actor, study: Study, slide: Slide, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = lab.sessions.begin(owner, slide.id)
    for bad in ({"at_ms": -1}, {"width": -1}, {"x": 1 << 60}):
        with pytest.raises(Invalid):
            lab.sessions.add_events(owner, session_id, [FIRST, FIRST._replace(**bad)])
    monkeypatch.setattr(viewing, "MOST_AT_ONCE", 3)
    with pytest.raises(TooLarge):
        lab.sessions.add_events(owner, session_id, [FIRST] * 4)
    monkeypatch.setattr(viewing, "MOST_EVENTS", 5)
    lab.sessions.add_events(owner, session_id, [FIRST] * 3)
    with pytest.raises(TooLarge):
        lab.sessions.add_events(owner, session_id, [FIRST] * 3)
    assert len(lab.sessions.events(owner, study.id, session_id)) == 3
