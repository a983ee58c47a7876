"""XML that a test run wrote, which may be cut off, malformed, or made to harm: entities are never expanded.

What was read before the place where it breaks is kept; elements that had not ended there are not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

_CHUNK = 2**16
_DEEPEST = 200
# Control characters that XML 1.0 has no place for, as they are and as references; tools write them all the same.
_FORBIDDEN = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#(?:x0*(?:[0-8bcBC]|[eE]|[fF]|1[0-9a-fA-F])|0*(?:[0-8]|1[124-9]|2\d|3[01]));"
)
_WIDE = (b"\xff\xfe", b"\xfe\xff")  # UTF-16: zero bytes are part of its characters


@dataclass(frozen=True, slots=True)
class Document:
    """A tree, None when nothing of it could be read, and what is wrong with it, None when nothing is."""

    root: ET.Element | None
    problem: str | None = None


class _Ended(ET.TreeBuilder):
    """Keeps the tree while it grows, so that one which breaks off can be used without what had not ended."""

    def __init__(self) -> None:
        super().__init__()
        self.root: ET.Element | None = None
        self.open: list[ET.Element] = []

    def start(self, tag: str, attrs: dict[str, str]) -> ET.Element:
        element = super().start(_local(tag), attrs)
        self.root = element if self.root is None else self.root
        self.open.append(element)
        if len(self.open) > _DEEPEST:
            raise ET.ParseError(f"more than {_DEEPEST} elements inside each other")
        return element

    def end(self, tag: str) -> ET.Element:
        self.open.pop()
        return super().end(_local(tag))

    def kept(self) -> ET.Element | None:
        """Return the tree without the test that was being read."""
        for parent, child in zip(self.open[-2::-1], self.open[:0:-1], strict=False):
            if child.tag in {"testcase", "UnitTestResult"}:
                parent.remove(child)
        return self.root


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def parse_xml(data: bytes) -> Document:
    """Read a document; control characters are replaced when it can't be read with them."""
    document = _parsed(data)
    if document.problem and not data.startswith(_WIDE) and _FORBIDDEN.search(data):
        cleaned = _parsed(_FORBIDDEN.sub(b"?", data))
        return cleaned if cleaned.problem is None else document
    return document


def _parsed(data: bytes) -> Document:
    from defusedxml.common import DefusedXmlException, DTDForbidden, EntitiesForbidden
    from defusedxml.ElementTree import DefusedXMLParser

    builder = _Ended()
    parser = DefusedXMLParser(target=builder, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    try:
        for at in range(0, len(data), _CHUNK):
            parser.feed(data[at : at + _CHUNK])
        parser.close()
    except (EntitiesForbidden, DTDForbidden) as error:
        return Document(None, f"it defines entities, which fanfold does not expand ({type(error).__name__})")
    except DefusedXmlException as error:
        return Document(None, f"it refers to something outside of itself ({type(error).__name__})")
    except (ET.ParseError, LookupError, ValueError, AssertionError) as error:
        return Document(builder.kept(), f"not well-formed XML: {error or 'it is cut off'}")
    return Document(builder.root)
