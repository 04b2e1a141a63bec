"""Letters to the members of a study."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Callable, Sequence
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from wsi_lab.errors import Invalid, SourceRefused, SourceTimeout, SourceUnavailable
from wsi_lab.model.people import Action, Actor, User
from wsi_lab.model.study import checked_description, checked_name
from wsi_lab.service.settings import LabSettings
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.store import people as rows

LINK = "<LINK:Start Scoring>"
"""Stands in a letter for the address that the recipient is to open."""
MOST_RECIPIENTS = 500
LONGEST_WAIT_SECONDS = 20.0
"""For any single answer of the mail server."""


_REFUSALS = (
    smtplib.SMTPDataError,
    smtplib.SMTPNotSupportedError,
    smtplib.SMTPRecipientsRefused,
    smtplib.SMTPSenderRefused,
)


class Mail:
    """Letters to the members of a study."""

    def __init__(self, transactions: Transactions, settings: LabSettings) -> None:
        self._transactions = transactions
        self._settings = settings

    def send(
        self,
        actor: Actor,
        study_id: int,
        to: Sequence[str],
        subject: str,
        body: str,
        *,
        link: Callable[[User], str],
    ) -> None:
        """Send a letter in plain text to members of a study, each one of their own.

        May take long: it waits for the mail server.

        Parameters
        ----------
        to
            E-mails of members.
        body
            May hold `LINK`.
        link
            Returns what takes its place for a recipient.

        Raises
        ------
        Invalid
            There is no mail server, no recipient or one who is no member (``problems`` names
            each), or the subject has line breaks. Nothing was sent.
        SourceUnavailable
            The mail server does not answer, or refuses; the message says to whom nothing was
            sent.
        """
        subject = checked_name(subject, "letter")
        body = checked_description(body, "letter")

        def find(transaction: Transaction) -> list[User]:
            transaction.study(study_id, Action.STUDY_MAIL)
            return _members(transaction, study_id, to)

        users = self._transactions.read(actor, find)
        if not self._settings.smtp_host:
            raise Invalid(
                "This lab has no mail server; whoever runs it can name one with WSI_LAB_SMTP_HOST."
            )
        letters = [self._letter(user, subject, body.replace(LINK, link(user))) for user in users]
        sent: list[str] = []
        try:
            refused = self._deliver(letters, sent)
        finally:
            if sent:
                self._write_down(actor, study_id, sent, subject)
        if refused:
            raise SourceRefused(f"The mail server refused the letters to: {', '.join(refused)}.")

    def _letter(self, user: User, subject: str, body: str) -> EmailMessage:
        settings = self._settings
        letter = EmailMessage()
        letter["Subject"] = subject
        letter["From"] = settings.smtp_sender or f"wsi-lab@{settings.smtp_host}"
        try:
            letter["To"] = user.email
            understood = [each.addr_spec for each in letter["To"].addresses]
        except (AttributeError, ValueError, MessageError):
            # The library stumbles over some.
            understood = []
        if understood != [user.email]:
            # With a comma or a bracket in it, it could go to somebody who is no member.
            raise Invalid(f"{user.email} is no address that letters can be sent to.")
        letter["Date"] = formatdate()
        letter["Message-ID"] = make_msgid(domain="wsi-lab.invalid")
        letter.set_content(body)
        return letter

    def _deliver(self, letters: Sequence[EmailMessage], sent: list[str]) -> list[str]:
        """Send letters, note to whom in `sent`, and return those whose letters were refused."""
        refused: list[str] = []
        try:
            with contextlib.closing(self._server()) as server:
                for letter in letters:
                    try:
                        server.send_message(letter)
                    except _REFUSALS:
                        refused.append(str(letter["To"]))
                        server.rset()
                    else:
                        sent.append(str(letter["To"]))
                # All is said; how the server takes the farewell changes nothing.
                with contextlib.suppress(OSError, smtplib.SMTPException):
                    server.quit()
        except smtplib.SMTPAuthenticationError as error:
            raise SourceRefused(
                "The mail server does not accept the lab's name and password."
            ) from error
        except (OSError, smtplib.SMTPException) as error:
            # The library tells of a wait that took too long as of a connection that was lost.
            if TimeoutError in {type(error), type(error.__context__)}:
                raise SourceTimeout("The mail server answers too slowly.") from error
            raise SourceUnavailable(
                "The mail server cannot be reached, or ended the talk; not all letters were sent."
            ) from error
        return refused

    def _server(self) -> smtplib.SMTP:
        settings = self._settings
        place = settings.smtp_host, settings.smtp_port
        server: smtplib.SMTP
        if settings.smtp_tls == "tls":
            server = smtplib.SMTP_SSL(
                *place, timeout=LONGEST_WAIT_SECONDS, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(*place, timeout=LONGEST_WAIT_SECONDS)
        try:
            if settings.smtp_tls == "starttls":
                server.starttls(context=ssl.create_default_context())
            if settings.smtp_user:
                server.login(settings.smtp_user, settings.smtp_password)
        except BaseException:
            server.close()
            raise
        return server

    def _write_down(self, actor: Actor, study_id: int, sent: list[str], subject: str) -> None:
        def record(transaction: Transaction) -> None:
            transaction.study(study_id, Action.STUDY_MAIL)
            transaction.record(
                "send",
                "letter",
                study_id,
                study_id=study_id,
                after={"to": sent, "subject": subject},
            )

        self._transactions.write(actor, record)


def _members(transaction: Transaction, study_id: int, to: Sequence[str]) -> list[User]:
    """Return the members of these e-mails, each once."""
    emails = {email.strip().casefold(): email.strip() for email in to if email.strip()}
    if not emails:
        raise Invalid("A letter needs somebody it is sent to.")
    if len(emails) > MOST_RECIPIENTS:
        raise Invalid(f"A letter may be sent to at most {MOST_RECIPIENTS} people.")
    members = {
        member.email.casefold(): member.user_id
        for member in rows.members(transaction.connection, study_id)
    }
    problems = [
        f"{email} is not a member of this study"
        for key, email in emails.items()
        if key not in members
    ]
    if problems:
        raise Invalid(f"{'; '.join(problems[:10])}.", problems=problems)
    users = [rows.user(transaction.connection, members[key]) for key in emails]
    return [user for user in users if user is not None]
