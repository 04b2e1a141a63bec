"""How a study is shown and scored: the properties of Slide Score's configuration file, and more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from wsi_lab.errors import Invalid
from wsi_lab.model.study import checked_text

SETTINGS: tuple[str, ...] = (
    "allowchangingscores",
    "allowresultscomparisonforeveryone",
    "allowsharingslidesanonymously",
    "artid",
    "disallownavigation",
    "disallowrewritingscores",
    "disease",
    "hideslidenames",
    "organ",
    "scoretmacoresatonce",
    "showduplicates",
    "showlabels",
    "showotherpeoplesscores",
    "showslidenames",
    "showthumbnails",
    "showtmasampleids",
    "stainings",
)
"""Beside ``friendlyname`` and ``folder``, which are the study's own attributes."""

SHUFFLE = "shufflecases"
SEED = "shuffleseed"
SCORE_CASES = "scorecases"
TIME_CASES = "timecases"
OWN_SETTINGS: tuple[str, ...] = (SHUFFLE, SEED, SCORE_CASES, TIME_CASES)
"""What Slide Score has no words for.

Each reader gets the cases in an order of their own; questions are about cases, not about each of
their slides; how long readers look at a case is kept.
"""

LARGEST_SEED = 10**18

BLINDING: Mapping[str, Mapping[bool, Mapping[str, str]]] = {
    "hide_names": {
        True: {"hideslidenames": "true", "showslidenames": "false"},
        False: {"hideslidenames": "false"},
    },
    "hide_other_scores": {
        True: {"showotherpeoplesscores": "false"},
        False: {"showotherpeoplesscores": "true"},
    },
    "shuffle": {True: {SHUFFLE: "true"}, False: {SHUFFLE: "false"}},
}
"""The words for blinding, and the settings that each of them stands for."""

_ON = frozenset({"true", "yes", "on", "1"})
_SEED = re.compile(r"[0-9]{1,18}")


def checked_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """Return settings by their names in small letters.

    Raises
    ------
    Invalid
        There is no such setting, or a value holds line breaks, or is no seed where one is asked
        for; ``problems`` names each.

    Examples
    --------
    >>> checked_settings({"HideSlideNames": "true"})
    {'hideslidenames': 'true'}
    """
    problems, found = [], {}
    for name, value in settings.items():
        known = name.strip().lower()
        if known not in SETTINGS and known not in OWN_SETTINGS:
            problems.append(f"'{name.strip()[:60]}' is not a setting of a study")
            continue
        try:
            found[known] = checked_text(value, f"setting '{known}'")
        except Invalid as error:
            problems.append(error.message)
            continue
        if known == SEED and not _SEED.fullmatch(found[known]):
            problems.append(f"The setting '{SEED}' is a whole number below {LARGEST_SEED:,}")
    if problems:
        raise Invalid("; ".join(problems) + ".", problems=problems)
    return found


def is_on(settings: Mapping[str, str], name: str) -> bool:
    """Return whether a setting says yes.

    Examples
    --------
    >>> is_on({"showlabels": "True"}, "showlabels"), is_on({}, "showlabels")
    (True, False)
    """
    return settings.get(name, "").strip().lower() in _ON


def settings_of_words(words: Mapping[str, object]) -> dict[str, str]:
    """Return settings as they are stored, from the words and values that Python has for them.

    Parameters
    ----------
    words
        The words of `BLINDING` with `True` or `False`, ``seed``, and Slide Score's names, which
        may have underscores between their words; values may be texts, numbers, truth values and
        lists of texts. `None` leaves a word out.

    Raises
    ------
    Invalid
        There is no such word, or it takes another kind of value; ``problems`` names each.

    Examples
    --------
    >>> settings_of_words({"shuffle": True, "show_labels": False, "stainings": ["HE", "CD3"]})
    {'shufflecases': 'true', 'showlabels': 'false', 'stainings': 'HE, CD3'}
    """
    problems: list[str] = []
    found: dict[str, str] = {}
    for word, value in words.items():
        if value is None:
            continue
        try:
            found.update(_settings_of(word, value))
        except Invalid as error:
            problems += error.problems or (error.message.rstrip("."),)
    if problems:
        known = ", ".join((*BLINDING, "seed", SCORE_CASES, TIME_CASES, *SETTINGS))
        raise Invalid(f"{'; '.join(problems)}. There are: {known}.", problems=problems)
    return found


def blinding_of(settings: Mapping[str, str]) -> dict[str, bool]:
    """Return which of the words of `BLINDING` hold.

    Scores of others are hidden unless a study says that they are shown.

    Examples
    --------
    >>> blinding_of({"hideslidenames": "true"})
    {'hide_names': True, 'hide_other_scores': True, 'shuffle': False}
    """
    return {
        "hide_names": is_on(settings, "hideslidenames"),
        "hide_other_scores": not is_on(settings, "showotherpeoplesscores"),
        "shuffle": is_on(settings, SHUFFLE),
    }


def is_blind(settings: Mapping[str, str]) -> bool:
    """Return whether readers may not know what cases are called, or in which order they are.

    Examples
    --------
    >>> is_blind({"shufflecases": "true"}), is_blind({"showotherpeoplesscores": "false"})
    (True, False)
    """
    return is_on(settings, "hideslidenames") or is_on(settings, SHUFFLE)


def shares_shapes(settings: Mapping[str, str]) -> bool:
    """Return whether what is drawn on a shared layer is shown to all who read a study.

    It is unless scores of others are hidden: in so many words, or because the study is blind and
    does not say that they are shown.

    Examples
    --------
    >>> shares_shapes({}), shares_shapes({"hideslidenames": "true"})
    (True, False)
    """
    stated = settings.get("showotherpeoplesscores")
    return not is_blind(settings) if stated is None else is_on(settings, "showotherpeoplesscores")


def seeded(
    settings: Mapping[str, str], before: Mapping[str, str], draw: Callable[[], int]
) -> dict[str, str]:
    """Return settings with the seed that a study keeps once it has one.

    Otherwise readers would find their cases in another order each time somebody changes a
    setting.

    Parameters
    ----------
    before
        The settings that these take the place of.
    draw
        Returns a seed for a study that needs one and has none yet.
    """
    found = dict(settings)
    if SEED not in found and SEED in before:
        found[SEED] = before[SEED]
    if is_on(found, SHUFFLE) and SEED not in found:
        found[SEED] = str(draw() % LARGEST_SEED)
    return found


def _settings_of(word: str, value: object) -> Mapping[str, str]:
    plain = re.sub(r"[\s_-]", "", word).lower()
    for known, meant in BLINDING.items():
        if plain == known.replace("_", ""):
            if not isinstance(value, bool):
                raise Invalid(f"'{known}' is True or False")
            return meant[value]
    return checked_settings({SEED if plain == "seed" else plain: _text(word, value)})


def _text(word: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, Iterable):
        return ", ".join(map(str, value))
    raise Invalid(f"'{word}' takes a text, a number, True or False, or a list of texts")
