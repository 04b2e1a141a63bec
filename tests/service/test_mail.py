from __future__ import annotations

import dataclasses
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from letterbox import Mailbox

from wsi_lab.errors import (
    Invalid,
    NotAllowed,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
)
from wsi_lab.model.people import Actor, User
from wsi_lab.model.study import Study
from wsi_lab.service import mail
from wsi_lab.service.lab import Lab, LabSettings
from wsi_lab.service.settings import letters_from_environment
from wsi_lab.store import people

BODY = "Dear reader,\n\nplease open <LINK:Start Scoring>.\n.\nGrüße"


@pytest.fixture
def readers(lab: Lab, owner: Actor, study: Study) -> list[str]:
    emails = ["anna@lab.example", "bert@lab.example"]
    for email in emails:
        lab.people.add(owner, email)
        lab.studies.set_member(owner, study.id, email, ["score"])
    return emails


@contextmanager
def _sending(lab: Lab, settings: LabSettings, **mail: object) -> Iterator[Lab]:
    """Open the same lab a second time, with a mail server."""
    mail = {"smtp_host": "127.0.0.1", "smtp_tls": "none", "smtp_sender": "Lab <lab@x>"} | mail
    with Lab.open(dataclasses.replace(settings, **mail)) as sending:
        yield sending


def _link(user: User) -> str:
    return f"https://lab.example/?for={user.id}"


def test_everybody_gets_a_letter_with_a_link_of_their_own(
    lab: Lab,
    settings: LabSettings,
    owner: Actor,
    study: Study,
    readers: list[str],
    entries: Callable[[], list],
) -> None:
    with Mailbox() as mailbox, _sending(lab, settings, smtp_port=mailbox.port) as sending:
        to = [" ANNA@lab.example", readers[1], readers[1], ""]
        sending.mail.send(owner, study.id, to, "Bitte prüfen", BODY, link=_link)
    assert [(each.sender, each.recipient) for each in mailbox.delivered] == [
        ("lab@x", readers[0]),
        ("lab@x", readers[1]),
    ]
    for email, each in zip(readers, mailbox.delivered, strict=True):
        user = next(user for user in lab.people.list(owner) if user.email == email)
        letter = each.letter
        assert (letter["Subject"], letter["To"]) == ("Bitte prüfen", email)
        assert letter.get_content_type() == "text/plain"
        text = letter.get_content().replace("\r\n", "\n").rstrip("\n")
        assert text == BODY.replace("<LINK:Start Scoring>", _link(user))
        assert not letter.defects
    last = entries()[-1]
    assert (last.verb, last.kind, last.study_id) == ("send", "letter", study.id)
    assert json.loads(last.after) == {"to": readers, "subject": "Bitte prüfen"}


@pytest.mark.parametrize("subject", ["a\nBcc: all@x", "a\r\nX: y", "a\rb", "a\x00b", "", "x" * 300])
def test_subject_cannot_bring_in_headers(
    lab: Lab, settings: LabSettings, owner: Actor, study: Study, readers: list[str], subject: str
) -> None:
    with (
        Mailbox() as mailbox,
        _sending(lab, settings, smtp_port=mailbox.port) as sending,
        pytest.raises(Invalid),
    ):
        sending.mail.send(owner, study.id, readers, subject, BODY, link=_link)
    assert not mailbox.delivered


def test_strangers_get_no_letters_and_neither_do_the_others_then(
    lab: Lab, settings: LabSettings, owner: Actor, study: Study, readers: list[str]
) -> None:
    lab.people.add(owner, "stranger@lab")
    with Mailbox() as mailbox, _sending(lab, settings, smtp_port=mailbox.port) as sending:
        to = [*readers, "stranger@lab", "x@y\nRCPT TO:<z@y>"]
        with pytest.raises(Invalid, match="stranger@lab is not a member") as refused:
            sending.mail.send(owner, study.id, to, "s", BODY, link=_link)
        assert len(refused.value.problems) == 2
        with pytest.raises(Invalid, match="somebody"):
            sending.mail.send(owner, study.id, [" "], "s", BODY, link=_link)
    assert not mailbox.delivered


@pytest.mark.parametrize(
    "email", ["x,victim@evil.example", "victim@evil.example,x", "<v@e", "g:v@e", "a@[b", "a@b("]
)
def test_member_whose_address_means_another_one_gets_no_letter(
    lab: Lab, settings: LabSettings, owner: Actor, study: Study, email: str
) -> None:
    with pytest.raises(Invalid, match="somebody@somewhere"):
        lab.people.add(owner, email)
    # Older labs took such addresses.
    lab._database.write(
        lambda connection: people.add_user(
            connection, email, "x", is_admin=False, created_on=datetime.now(UTC)
        )
    )
    lab.studies.set_member(owner, study.id, email, ["score"])
    with (
        Mailbox() as mailbox,
        _sending(lab, settings, smtp_port=mailbox.port) as sending,
        pytest.raises(Invalid, match="no address"),
    ):
        sending.mail.send(owner, study.id, [email], "Hello", BODY, link=_link)
    assert mailbox.delivered == []


def test_lab_without_a_mail_server_says_so(
    lab: Lab, owner: Actor, study: Study, readers: list[str]
) -> None:
    with pytest.raises(Invalid, match="WSI_LAB_SMTP_HOST"):
        lab.mail.send(owner, study.id, readers, "s", BODY, link=_link)


def test_letters_are_for_editors_to_send(
    lab: Lab, study: Study, readers: list[str], as_user: Callable[..., Actor]
) -> None:
    with pytest.raises(NotAllowed, match="'edit'"):
        lab.mail.send(as_user(readers[0]), study.id, readers, "s", BODY, link=_link)


def test_refused_recipients_are_named_and_the_others_served(
    lab: Lab,
    settings: LabSettings,
    owner: Actor,
    study: Study,
    readers: list[str],
    entries: Callable[[], list],
) -> None:
    with (
        Mailbox(refuses=(readers[0],)) as mailbox,
        _sending(lab, settings, smtp_port=mailbox.port) as sending,
        pytest.raises(SourceRefused, match=readers[0]),
    ):
        sending.mail.send(owner, study.id, readers, "s", BODY, link=_link)
    assert [each.recipient for each in mailbox.delivered] == [readers[1]]
    assert json.loads(entries()[-1].after)["to"] == [readers[1]]


def test_what_was_sent_before_the_talk_ended_is_written_down(
    lab: Lab,
    settings: LabSettings,
    owner: Actor,
    study: Study,
    readers: list[str],
    entries: Callable[[], list],
) -> None:
    with (
        Mailbox(hangs_up_after=1) as mailbox,
        _sending(lab, settings, smtp_port=mailbox.port) as sending,
        pytest.raises(SourceUnavailable),
    ):
        sending.mail.send(owner, study.id, readers, "s", BODY, link=_link)
    assert json.loads(entries()[-1].after)["to"] == [readers[0]]


def test_mail_servers_that_fail_are_told_apart_from_labs_that_do(
    lab: Lab,
    settings: LabSettings,
    owner: Actor,
    study: Study,
    readers: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as deaf:
        # It does not listen, and nobody else gets its port meanwhile.
        deaf.bind(("127.0.0.1", 0))
        with (
            _sending(lab, settings, smtp_port=deaf.getsockname()[1]) as sending,
            pytest.raises(SourceUnavailable) as failed,
        ):
            sending.mail.send(owner, study.id, readers, "s", BODY, link=_link)
    assert "127.0.0.1" not in failed.value.message
    monkeypatch.setattr(mail, "LONGEST_WAIT_SECONDS", 0.2)
    with (
        Mailbox(silent=True) as mailbox,
        _sending(lab, settings, smtp_port=mailbox.port) as sending,
        pytest.raises(SourceTimeout),
    ):
        sending.mail.send(owner, study.id, readers, "s", BODY, link=_link)


def test_nothing_is_said_in_clear_where_encryption_is_asked_for(
    lab: Lab, settings: LabSettings, owner: Actor, study: Study, readers: list[str]
) -> None:
    with (
        Mailbox() as mailbox,
        _sending(lab, settings, smtp_port=mailbox.port, smtp_tls="starttls") as sending,
        pytest.raises(SourceUnavailable),
    ):
        sending.mail.send(owner, study.id, readers, "s", BODY, link=_link)
    assert not mailbox.delivered


@pytest.mark.parametrize(("word", "value"), [("PORT", "0"), ("PORT", "smtp"), ("TLS", "maybe")])
def test_environment_that_cannot_be_is_refused(
    monkeypatch: pytest.MonkeyPatch, word: str, value: str
) -> None:
    monkeypatch.setenv(f"WSI_LAB_SMTP_{word}", value)
    with pytest.raises(Invalid, match=f"smtp_{word.lower()}"):
        letters_from_environment()
