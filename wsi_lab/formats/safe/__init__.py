"""The only reader of JSON, XML, ZIP and lines of text that strangers sent.

What can be checked is checked before a parser sees it: a parser that has begun has already spent
the memory. Everything refused is `Invalid`, in a sentence that says where.
"""

from wsi_lab.formats.safe.from_json import json_by, json_objects, read_json
from wsi_lab.formats.safe.from_xml import read_xml
from wsi_lab.formats.safe.from_zip import SafeZip
from wsi_lab.formats.safe.text import lines_of, no_text_problems, quoted, text_of

__all__ = [
    "SafeZip",
    "json_by",
    "json_objects",
    "lines_of",
    "no_text_problems",
    "quoted",
    "read_json",
    "read_xml",
    "text_of",
]
