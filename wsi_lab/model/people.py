"""Who may do what: users, tokens, rights, and the one function that decides.

Every verb of the service layer asks `may` before it touches anything, and every route of the
server declares the action and the kind of resource it asks about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from wsi_lab.errors import Invalid

T = TypeVar("T")


class Right(StrEnum):
    """What a member of a study may do there. The site's administrators hold all of them."""

    VIEW = "view"
    """See the study, its cases' public names, and its slides' pixels."""
    SCORE = "score"
    """Answer the study's questions and draw annotations, under one's own name."""
    RESULTS = "results"
    """See everybody's answers and annotations."""
    EDIT = "edit"
    """Add, change and remove cases, slides, questions and labels."""
    ADMIN = "admin"
    """Decide who is a member; publish and delete the study."""
    PRIVATE = "private"
    """See what may tell who the patient is: private names, labels, macros, files."""
    API = "api"
    """Use the programming interfaces that stand beside the web pages."""


RIGHT_SYNONYMS: Mapping[str, frozenset[Right]] = {
    "read": frozenset({Right.VIEW}),
    "write": frozenset({Right.VIEW, Right.SCORE, Right.EDIT}),
}
"""PHAS's words, and the rights that they stand for."""


class Capability(StrEnum):
    """What a token may be used for. Named after Slide Score's list, so that its door can use it."""

    UPLOAD = "upload"
    FOLDERS = "folders"
    SCORES = "scores"
    CONFIG = "config"
    PIXELS = "pixels"
    STUDIES = "studies"
    REIMPORT = "reimport"
    OWN_RESULTS = "own-results"
    RESULTS = "results"
    DOWNLOAD = "download"
    DELETE = "delete"
    PATHS = "paths"


ALL_CAPABILITIES = frozenset(Capability)


class TokenPurpose(StrEnum):
    """Which door a token opens; it opens no other one."""

    BEARER = "bearer"
    """The lab's own, and those of systems that take bearer tokens, too."""
    PHAS = "phas"
    CYTOMINE = "cytomine"


def rights_of_words(words: Iterable[str]) -> frozenset[Right]:
    """Return the rights that words name, PHAS's words included.

    Raises
    ------
    Invalid
        A word is not a right; ``problems`` names each.

    Examples
    --------
    >>> sorted(rights_of_words(["Read", "score"]))
    [<Right.SCORE: 'score'>, <Right.VIEW: 'view'>]
    """
    known = {right.value: frozenset({right}) for right in Right} | dict(RIGHT_SYNONYMS)
    return frozenset().union(*_known_words(words, known, "right"))


def capabilities_of_words(words: Iterable[str]) -> frozenset[Capability]:
    """Return the capabilities that words name; ``all`` names every one.

    Raises
    ------
    Invalid
        A word is not a capability; ``problems`` names each.

    Examples
    --------
    >>> sorted(capabilities_of_words(["pixels", "scores"]))
    [<Capability.PIXELS: 'pixels'>, <Capability.SCORES: 'scores'>]
    >>> capabilities_of_words(["all"]) == ALL_CAPABILITIES
    True
    """
    words = list(words)
    known = {capability.value: capability for capability in Capability}
    found = _known_words([word for word in words if word != "all"], known, "capability")
    return ALL_CAPABILITIES if "all" in words else frozenset(found)


def _known_words(words: Iterable[str], known: Mapping[str, T], what: str) -> list[T]:
    words = [word.strip().lower() for word in words]
    problems = [f"'{word}' is not a {what}" for word in words if word not in known]
    if problems:
        raise Invalid(f"{'; '.join(problems)}. There are: {', '.join(known)}.", problems=problems)
    return [known[word] for word in words]


@dataclass(frozen=True, slots=True)
class User:
    """A person, or a program with a name. `email` is what they are called everywhere."""

    id: int
    email: str
    name: str
    is_admin: bool
    created_on: datetime


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token. Its text is shown once and kept only as a hash.

    Attributes
    ----------
    capabilities
        What it may be used for; a token without any may nothing at all.
    read_studies, modify_studies, folders
        Names or ids it is limited to; empty is unlimited.
    expires_on
        `None` for a token that is good until it is revoked.
    purpose
        Those that are not for bearing are called keys.
    """

    id: int
    user_id: int
    name: str
    capabilities: frozenset[Capability]
    read_studies: frozenset[str]
    modify_studies: frozenset[str]
    folders: frozenset[str]
    created_on: datetime
    expires_on: datetime | None
    purpose: TokenPurpose = TokenPurpose.BEARER

    @property
    def is_unlimited(self) -> bool:
        """Whether it allows all that its user may do."""
        limits = self.read_studies or self.modify_studies or self.folders
        return self.capabilities == ALL_CAPABILITIES and not limits


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever is asking: a user, by way of a token or not, and what they are a member of."""

    user: User
    rights: Mapping[int, frozenset[Right]] = field(default_factory=dict)
    token: Token | None = None
    door: str = "v1"
    """Through which of the lab's interfaces they came; kept in the audit."""


class Action(StrEnum):
    """Everything that can be asked of the lab, as noun-verb."""

    LAB_VIEW = "lab-view"
    """List one's own studies, see one's own account."""
    LAB_ADMIN = "lab-admin"
    """Users, everybody's tokens, the state of the machine."""
    TOKEN_MANAGE = "token-manage"  # noqa: S105 (an action, not a secret)
    """Make and revoke one's own tokens."""
    STUDY_CREATE = "study-create"
    STUDY_KNOW = "study-know"
    """See that there is a study, what it is called and how it is set up."""
    STUDY_VIEW = "study-view"
    STUDY_EDIT = "study-edit"
    STUDY_ADMIN = "study-admin"
    """Members and their rights."""
    STUDY_PUBLISH = "study-publish"
    """Let readers in, and keep them out again."""
    STUDY_IMPORT = "study-import"
    """Set a study up from configuration files, members and all."""
    STUDY_CREATE_BY_IMPORT = "study-create-by-import"
    """Do that for a study that there is not yet."""
    STUDY_CONFIG = "study-config"
    """Take the configuration out: members, questions, maps, settings."""
    STUDY_MAIL = "study-mail"
    """Write to a study's members in the lab's name."""
    STUDY_DELETE = "study-delete"
    CASE_PRIVATE = "case-private"
    """Private names of cases."""
    SLIDE_VIEW = "slide-view"
    """Pixels: tiles, regions, thumbnails."""
    SLIDE_PRIVATE = "slide-private"
    """Label, macro and whatever else may tell who the patient is."""
    SLIDE_DOWNLOAD = "slide-download"
    SLIDE_ADD = "slide-add"
    SLIDE_ADD_UPLOADED = "slide-add-uploaded"
    """Make a slide of a file that was uploaded."""
    FILE_UPLOAD = "file-upload"
    """Send files to the lab's own folders."""
    SLIDE_DELETE = "slide-delete"
    SLIDE_PATH = "slide-path"
    """Where on the server's disk a slide lies."""
    ANSWER_SUBMIT = "answer-submit"
    """Answer and annotate under one's own name."""
    READING = "reading"
    """Go through a study's cases as one of its readers, blind or not."""
    ANSWER_IMPORT = "answer-import"
    """Bring in answers and annotations of others: readers elsewhere, or a model."""
    RESULTS_VIEW = "results-view"
    """Everybody's answers and annotations."""
    API_USE = "api-use"
    """Ask for lists of a study's slides as programs do that stand beside the web pages."""
    SOURCE_VIEW = "source-view"
    """Slides of the lab's declared source, by their keys there and outside all studies."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What an action is about: a study (and by it its cases and slides), or the lab as a whole."""

    study_id: int | None = None
    study_name: str | None = None
    """Without an id: what a study that there is not yet is to be called."""
    created_with: int | None = None
    """The token a study was made with; some tokens may see the results of no other."""
    is_blind: bool = False
    """Whether the study keeps from its readers what its cases are called, or in which order."""


THE_LAB = Resource()

READING_DOOR = "reading"
"""Of actors who come as readers: what they are told of a study's cases says no more than it may."""

_SEEING_THROUGH = frozenset({Right.EDIT, Right.ADMIN, Right.PRIVATE})
_OPEN_TO_THE_BLIND = frozenset({Action.STUDY_KNOW, Action.READING})
_OPEN_TO_READINGS = frozenset({Action.STUDY_VIEW, Action.SLIDE_VIEW, Action.ANSWER_SUBMIT})


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether somebody may, and why (not), as a sentence for them."""

    allowed: bool
    reason: str
    visible: bool = True
    """False when the asker may not even know that the resource exists."""


def _allowed(reason: str) -> Decision:
    return Decision(allowed=True, reason=reason)


def _refused(reason: str, *, visible: bool = True) -> Decision:
    return Decision(allowed=False, reason=reason, visible=visible)


@dataclass(frozen=True, slots=True)
class _Rule:
    """What an action needs: a right in the study, a capability of the token."""

    right: Right | None
    capability: Capability | None
    own_capability: Capability | None = None
    """What will do instead, in studies that the token itself has made."""
    modifies: bool = False
    site_admin: bool = False
    full_token: bool = False
    """Only a token without any limit will do: this could make one."""


_RULES: Mapping[Action, _Rule] = {
    Action.LAB_VIEW: _Rule(None, None),
    Action.LAB_ADMIN: _Rule(None, None, modifies=True, site_admin=True, full_token=True),
    Action.TOKEN_MANAGE: _Rule(None, None, modifies=True, full_token=True),
    Action.STUDY_CREATE: _Rule(None, Capability.STUDIES, modifies=True, site_admin=True),
    Action.STUDY_KNOW: _Rule(Right.VIEW, None),
    Action.STUDY_VIEW: _Rule(Right.VIEW, None),
    # Slide Score knows no capability for editing: only the studies a token may modify limit it.
    Action.STUDY_EDIT: _Rule(Right.EDIT, None, modifies=True),
    Action.STUDY_ADMIN: _Rule(Right.ADMIN, Capability.CONFIG, modifies=True),
    Action.STUDY_PUBLISH: _Rule(Right.ADMIN, None, modifies=True),
    Action.STUDY_IMPORT: _Rule(Right.ADMIN, Capability.REIMPORT, modifies=True),
    Action.STUDY_CREATE_BY_IMPORT: _Rule(None, Capability.REIMPORT, modifies=True, site_admin=True),
    Action.STUDY_CONFIG: _Rule(Right.EDIT, Capability.CONFIG),
    Action.STUDY_MAIL: _Rule(Right.EDIT, Capability.CONFIG),
    Action.STUDY_DELETE: _Rule(Right.ADMIN, Capability.DELETE, modifies=True),
    Action.CASE_PRIVATE: _Rule(Right.PRIVATE, None),
    Action.SLIDE_VIEW: _Rule(Right.VIEW, Capability.PIXELS),
    Action.SLIDE_PRIVATE: _Rule(Right.PRIVATE, Capability.PIXELS),
    Action.SLIDE_DOWNLOAD: _Rule(Right.PRIVATE, Capability.DOWNLOAD),
    Action.SLIDE_ADD: _Rule(Right.EDIT, Capability.UPLOAD, modifies=True),
    Action.SLIDE_ADD_UPLOADED: _Rule(Right.EDIT, None, modifies=True),
    Action.FILE_UPLOAD: _Rule(Right.EDIT, Capability.UPLOAD, modifies=True),
    Action.ANSWER_SUBMIT: _Rule(Right.SCORE, Capability.SCORES, modifies=True),
    Action.READING: _Rule(Right.SCORE, Capability.SCORES),
    Action.ANSWER_IMPORT: _Rule(Right.EDIT, Capability.SCORES, modifies=True),
    Action.RESULTS_VIEW: _Rule(
        Right.RESULTS, Capability.RESULTS, own_capability=Capability.OWN_RESULTS
    ),
    Action.API_USE: _Rule(Right.API, None),
    Action.SLIDE_DELETE: _Rule(Right.EDIT, Capability.DELETE, modifies=True),
    Action.SLIDE_PATH: _Rule(None, Capability.PATHS, site_admin=True),
    Action.SOURCE_VIEW: _Rule(None, Capability.PIXELS, site_admin=True, full_token=True),
}


def may(actor: Actor, action: Action, resource: Resource = THE_LAB) -> Decision:
    """Decide whether `actor` may do `action` to `resource`.

    A token narrows what its user may; it never widens it.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> reader = User(1, "reader@lab", "Reader", False, datetime.now(UTC))
    >>> may(Actor(reader, {7: frozenset({Right.VIEW})}), Action.SLIDE_VIEW, Resource(7)).allowed
    True
    >>> may(Actor(reader), Action.SLIDE_VIEW, Resource(7)).visible
    False
    """
    rule = _RULES[action]
    by_token = _token_allows(actor.token, rule, resource)
    if not by_token.allowed:
        # What a token lacks must not tell a stranger that there is such a study.
        return replace(by_token, visible=by_token.visible and _may_know_of(actor, resource))
    if actor.user.is_admin:
        return _allowed("Site administrators may do this everywhere.")
    if rule.site_admin:
        return _refused(
            "Only a site administrator may do this.", visible=_may_know_of(actor, resource)
        )
    if rule.right is None:
        return _allowed("Everybody who is known may do this.")
    held = actor.rights.get(resource.study_id, frozenset()) if resource.study_id else frozenset()
    if not held:
        return _refused("You are not a member of this study.", visible=False)
    if resource.is_blind and _is_blinded(held) and not _is_open_to_the_blind(actor, action):
        return _refused(
            "This study is read blind: it is open to you on its reading page only.",
            visible=Right.VIEW in held,
        )
    if rule.right in held:
        return _allowed(f"You hold the right '{rule.right}' in this study.")
    return _refused(
        f"This needs the right '{rule.right}' in the study; its administrators can grant it.",
        visible=Right.VIEW in held,
    )


def _is_blinded(held: frozenset[Right]) -> bool:
    """Return whether a member of a blind study is kept from what readers may not know.

    Whoever sets the study up, or may see who its patients are, has nothing to be kept from; nor
    has one who sees the results without being a reader.
    """
    sees_results_only = Right.RESULTS in held and Right.SCORE not in held
    return not (held & _SEEING_THROUGH or sees_results_only)


def _is_open_to_the_blind(actor: Actor, action: Action) -> bool:
    if actor.door == READING_DOOR and action in _OPEN_TO_READINGS:
        return True
    return action in _OPEN_TO_THE_BLIND


def _may_know_of(actor: Actor, resource: Resource) -> bool:
    if resource.study_id is None or actor.user.is_admin:
        return True
    return Right.VIEW in actor.rights.get(resource.study_id, frozenset())


def _token_allows(token: Token | None, rule: _Rule, resource: Resource) -> Decision:
    if token is None:
        return _allowed("No token limits this.")
    if not token.capabilities:
        return _refused("This token may not be used for anything.", visible=False)
    if rule.full_token and not token.is_unlimited:
        return _refused("Only a token with all capabilities and without limits may do this.")
    names = {str(resource.study_id), resource.study_name}
    if resource.study_id is not None or resource.study_name is not None:
        if token.read_studies and not names & token.read_studies:
            return _refused("This token is limited to other studies.", visible=False)
        if rule.modifies and token.modify_studies and not names & token.modify_studies:
            return _refused("This token may not modify this study.")
    elif rule.modifies and (token.read_studies or token.modify_studies):
        return _refused("A token limited to certain studies may not do this.")
    return _capability_allows(token, rule, resource)


def _capability_allows(token: Token, rule: _Rule, resource: Resource) -> Decision:
    wanted = {rule.capability}
    if token.id == resource.created_with:
        wanted.add(rule.own_capability)
    if rule.capability is not None and not wanted & token.capabilities:
        return _refused(
            f"This token lacks the capability '{rule.capability}'; make one that has it."
        )
    if rule is _RULES[Action.SLIDE_ADD] and token.folders:
        return _refused(
            "This token may upload into its folders only, and not add files of the server."
        )
    return _allowed("The token allows it.")
