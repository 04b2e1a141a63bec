"""Slide Score's configuration files of a study, ``study.<name>.<kind>``, read and written.

Readers return what they understood and a problem, with its line, for each line that they did not.
What a writer writes is read back as the same.
"""

from wsi_lab.formats.slidescore_config.emails import (
    RIGHTS_OF_WORDS,
    emails_text,
    parse_emails,
    words_of_rights,
)
from wsi_lab.formats.slidescore_config.images import ImageLine, images_text, parse_images
from wsi_lab.formats.slidescore_config.maps import map_text, parse_map
from wsi_lab.formats.slidescore_config.names import ConfigFile, checked_study_name, file_kind
from wsi_lab.formats.slidescore_config.properties import (
    StudyProperties,
    config_text,
    parse_config,
)
from wsi_lab.formats.slidescore_config.scores import parse_question, parse_scores, scores_text

__all__ = [
    "RIGHTS_OF_WORDS",
    "ConfigFile",
    "ImageLine",
    "StudyProperties",
    "checked_study_name",
    "config_text",
    "emails_text",
    "file_kind",
    "images_text",
    "map_text",
    "parse_config",
    "parse_emails",
    "parse_images",
    "parse_map",
    "parse_question",
    "parse_scores",
    "scores_text",
    "words_of_rights",
]
