"""Markdown that is posted where a name behind an @ is somebody who gets mail."""

from __future__ import annotations

import re

# Code can't mention anybody and stays as it is; an escaped backtick begins none.
_CODE_OR_AT = re.compile(r"(?P<kept>\\[`\\]|(?<!`)(?P<mark>`+)(?!`).*?(?<!`)(?P=mark)(?!`))|@(?=\w)", re.DOTALL)
_NOT_A_NAME = "@\N{ZERO WIDTH SPACE}"


def unmentioned(markdown: str) -> str:
    """Return markdown, as the filters make it, in which no @ outside of code mentions anybody."""
    return _CODE_OR_AT.sub(lambda match: match["kept"] or _NOT_A_NAME, markdown)
