"""Members: ``study.<name>.emails``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from wsi_lab.errors import Invalid
from wsi_lab.formats.safe import quoted
from wsi_lab.formats.slidescore_config.lines import each_line, file_of
from wsi_lab.model.emails import checked_email
from wsi_lab.model.people import Right, rights_of_words

RIGHTS_OF_WORDS: Mapping[str, frozenset[Right]] = {
    "canedit": frozenset({Right.VIEW, Right.SCORE, Right.EDIT}),
    "canscore": frozenset({Right.VIEW, Right.SCORE}),
    "viewonly": frozenset({Right.VIEW}),
    "cangetresults": frozenset({Right.VIEW, Right.RESULTS}),
}
"""Slide Score's words. The lab's own, such as ``private``, are understood beside them."""


def parse_emails(text: str | bytes) -> tuple[list[tuple[str, frozenset[Right]]], list[str]]:
    r"""Return who is a member and what they may; who says nothing about rights may score.

    Examples
    --------
    >>> members, problems = parse_emails("\na@lab\nb@lab;viewonly,private\n")
    >>> [(email, sorted(rights)) for email, rights in members]
    [('a@lab', [<Right.SCORE: 'score'>, <Right.VIEW: 'view'>]),
     ('b@lab', [<Right.PRIVATE: 'private'>, <Right.VIEW: 'view'>])]
    """
    members: dict[str, tuple[str, frozenset[Right]]] = {}

    def read(_number: int, line: str) -> None:
        email, _, words = line.partition(";")
        email = _email(email)
        first, rights = members.get(email.casefold(), (email, frozenset()))
        members[email.casefold()] = (first, rights | _rights(words))

    problems = each_line(text, read)
    return list(members.values()), problems


def emails_text(members: Iterable[tuple[str, Iterable[Right]]]) -> str:
    r"""Return the ``.emails`` file of members; one without any right is none, and left out.

    Examples
    --------
    >>> emails_text([("a@lab", [Right.VIEW, Right.EDIT, Right.SCORE, Right.ADMIN])])
    'a@lab;canedit,admin\n'
    """
    said = ((email, words_of_rights(rights)) for email, rights in members)
    return file_of([f"{email};{','.join(words)}" for email, words in said if words])


def words_of_rights(rights: Iterable[Right]) -> list[str]:
    """Return Slide Score's words for rights, and the lab's own for what it has none for.

    Examples
    --------
    >>> words_of_rights([Right.VIEW, Right.SCORE, Right.RESULTS, Right.API])
    ['canscore', 'cangetresults', 'api']
    """
    held = frozenset(rights)
    words, missing = [], set(held)
    for word, meant in RIGHTS_OF_WORDS.items():
        if meant <= held and meant & missing:
            words.append(word)
            missing -= meant
    return words + [right.value for right in Right if right in missing]


def _email(text: str) -> str:
    try:
        return checked_email(text)
    except Invalid as error:
        # In a long list the line alone is not what one looks for.
        raise Invalid(f"{quoted(text.strip())} is no e-mail address. {error.message}") from error


def _rights(words: str) -> frozenset[Right]:
    """Return what words mean; the file's separators are commas, and semicolons will do."""
    found = [word.strip().lower() for word in re.split("[,;]", words) if word.strip()]
    of_slide_score = [RIGHTS_OF_WORDS[word] for word in found if word in RIGHTS_OF_WORDS]
    try:
        own = rights_of_words(word for word in found if word not in RIGHTS_OF_WORDS)
    except Invalid as error:
        known = ", ".join((*RIGHTS_OF_WORDS, *Right))
        raise Invalid(f"{'; '.join(error.problems)}. There are: {known}.") from error
    return own.union(*of_slide_score) if found else RIGHTS_OF_WORDS["canscore"]
