"""Secrets in the source, with Kingfisher's rules, by its Python library.

Kingfisher knows some five hundred kinds of credentials by their form, checksum and entropy; it is kept by
MongoDB and needs no network. Beside them, a lone access key id of AWS and a password that a person made up are
found by the rules that mask prompts (`sources.secrets`). A finding never holds the secret: in its quote, the
line, every secret is masked, but for the first four characters of a long one. No configuration and no
baseline of the repository is read; a comment behind the secret (`kingfisher:ignore`, `gitleaks:allow`,
`pragma: allowlist secret`) is honoured.

Masks look alike, so a finding also holds a digest of the value, by which it is known again: what is dismissed is one
value, not whatever comes to stand on its line. Decisions are committed and count on every machine, which rules out a
key of one's own. What a machine drew is too random to be guessed from a hash. Of what a person may have chosen so
little of a slow hash is kept that most of a list of likely passwords has to be tried, and thousands of any long list
fit: it tells a changed password from the old one, and nobody which one it is.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, TypeAdapter, ValidationError

from fanfold.analyzers.base import Analysis, AnalyzerRequest
from fanfold.analyzers.files import Place, SourceFile, present
from fanfold.analyzers.rules import LIKELY, POSSIBLE, SURE, Rule, finding
from fanfold.analyzers.tool import (
    in_batches,
    installed,
    one_line,
    python_program,
    run_tool,
    why_missing,
    workplace,
)
from fanfold.errors import FinalError
from fanfold.models import Finding, Severity, content_key
from fanfold.sources.beside import is_test
from fanfold.sources.secrets import HIDDEN, access_key_ids, passwords
from fanfold.sources.text import is_binary
from fanfold.sources.tokens import entropy

_BATCH, _BATCH_BYTES = 5_000, 2_000_000  # names are written to its stdin, so only its answer's size counts
_CHILD = Path(__file__).with_name("secrets_child.py")
_LIBRARY = "kingfisher-secret-scanner"

# Checksums, hashes and images by the thousand; no credential is kept there by hand.
_MACHINE_MADE = re.compile(
    r".*\.min\..*|go\.sum|(package-lock|npm-shrinkwrap)\.json|pnpm-lock\.yaml|.*\.("
    r"lock|lockfile|map|svg|css|png|jpe?g|gif|ico|webp|woff2?|ttf|eot|otf|pdf|mp[34]|wasm|snap|csv|parquet|mo|po"
    r"|zip|gz|tgz|xz|bz2|zst|7z|jar|whl|so|dylib|dll|exe|bin|pyc|class|o|a)"
)
_EXAMPLES = frozenset({"doc", "docs", "example", "examples", "sample", "samples", "demo", "demos"})
_PROSE = frozenset({".md", ".rst", ".txt", ".adoc"})

# Kinds that tests and documents make up, or make for themselves.
_MADE_UP = re.compile(r"^fanfold\.|private-key|credential-uri|connection-string|\bjwt\b|password|basic-auth")
_URI = re.compile(r"credential-uri|connection-string")
_WORD_ENTROPY = 3.0  # bits a character: `password` has 2.75, `hunter2Zq9` 3.2
_STANDIN = re.compile(r"\*{4}|x{4}|<|\$\{|\{\{|\bexample\b|localhost|127\.0\.0\.1", re.IGNORECASE)
# What other scanners' users write behind a secret that is none; Kingfisher's own mark is built in.
_MARKS = ("pragma: allowlist secret", "gitleaks:allow", "nosec B105")
_ANY_MARK = re.compile("|".join(map(re.escape, (*_MARKS, "kingfisher:ignore"))), re.IGNORECASE)
_OWN_ID, _OWN_PASSWORD = "fanfold.aws-access-key-id", "fanfold.assigned-password"
_NEAR = 400  # bytes: an id this close to a key that was found is part of the pair
_SHOWN = 4  # characters of a secret in a title: what kind it is
_WORDLIKE = re.compile(rf"\w[\w.-]{{{_SHOWN - 1}}}")
_LONG = 16  # characters: the fewest of which four may be shown
_LONGEST_QUOTE = 200  # characters on either side of the secret
_DRAWN = 20  # characters: shorter ones may be a person's own
_CHOSEN = re.compile(r"^fanfold\.assigned|password|basic-auth|generic|credential-uri|connection-string")
_SALT, _ROUNDS, _CHOSEN_BITS, _DRAWN_BITS = b"fanfold: a secret", 20_000, 16, 96
# A rule may know a secret's form and not its length: what goes on without a break belongs to it.
_GOES_ON = re.compile(rb"[\w+/=.~-]*")
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]+-----")


class Hit(BaseModel):
    """What the child says of one secret; `start` and `end` in bytes."""

    rule: str
    says: str
    confidence: Literal["low", "medium", "high"]
    visible: bool
    start: int
    end: int
    entropy: float


_HITS = TypeAdapter(list[list[Hit]])


@dataclass(frozen=True, slots=True)
class Secrets:
    """The analyzer; `command` runs the program."""

    command: tuple[str, ...] = field(default_factory=lambda: python_program(str(_CHILD)))
    name: Literal["secrets"] = "secrets"
    runs_repository_code: bool = False
    reads: tuple[str, ...] = ()
    beyond: bool = False

    def wants(self, path: str) -> bool:
        """Tell whether somebody may have written it by hand."""
        return not _MACHINE_MADE.fullmatch(PurePosixPath(path.lower()).name)

    def unavailable(self) -> str | None:
        """Return None when Kingfisher's library is installed beside fanfold."""
        return why_missing(_LIBRARY)

    def version(self) -> str:
        """Return the library's version and the choice of what it finds."""
        rules = (_MADE_UP.pattern, _STANDIN.pattern, _GOES_ON.pattern.decode())
        digests = (_CHOSEN.pattern, _DRAWN, _ROUNDS, _CHOSEN_BITS, _DRAWN_BITS)
        choice = content_key(*rules, *digests, _WORD_ENTROPY, sorted(_EXAMPLES | _PROSE))
        return f"{installed(_LIBRARY)} and masks, choice {choice[:8]}"

    async def analyze(self, request: AnalyzerRequest) -> Analysis:
        """See `Analyzer.analyze`."""
        async with workplace(self.name, request.timeout_s) as folder:
            files = await asyncio.to_thread(present, request.root, request.paths, folder)

            async def scan(batch: Sequence[SourceFile]) -> list[tuple[SourceFile, list[Hit]]]:
                return list(zip(batch, await self._scan(folder, batch), strict=True))

            scanned, notes = await in_batches(files, scan, most=_BATCH, most_bytes=_BATCH_BYTES)
            found = await asyncio.to_thread(_findings, scanned)
        return Analysis(findings=tuple(found), notes=tuple(notes))

    async def _scan(self, folder: Path, batch: Sequence[SourceFile]) -> list[list[Hit]]:
        names = json.dumps([str(file.real) for file in batch])
        done = await run_tool(self.name, (*self.command, *_MARKS), cwd=folder, stdin=names.encode())
        try:
            hits = _HITS.validate_json(done.stdout)
        except ValidationError as error:
            raise FinalError("secrets: the scanner printed nothing that fanfold can read") from error
        if len(hits) != len(batch):
            raise FinalError(f"secrets: the scanner answered for {len(hits)} of {len(batch)} files")
        return hits


def _findings(scanned: Sequence[tuple[SourceFile, list[Hit]]]) -> list[Finding]:
    found: list[Finding] = []
    for file, hits in scanned:
        try:
            data = file.real.read_bytes()
        except OSError:
            continue
        if not is_binary(data):
            every = [*hits, *_own(file.path, data, hits)]
            ordered = sorted(every, key=lambda hit: (hit.start, hit.end, hit.rule))
            counted = [hit for hit in ordered if _counts(file.path, data, hit)]
            found += [
                _finding(file, data, hit, every).model_copy(update={"digest": _digest(data, widest)})
                for hit, widest in zip(counted, _widest(counted), strict=True)
            ]
    return found


def _widest(hits: Sequence[Hit]) -> Iterator[Hit]:
    """Yield for each hit, of those that are sorted by place, the longest that overlaps it: both are one secret."""
    groups: list[list[Hit]] = []
    reach = 0
    for hit in hits:
        if hit.start >= reach or not groups:
            groups.append([])
        groups[-1].append(hit)
        reach = max(reach, hit.end)
    for group in groups:
        yield from [max(group, key=lambda hit: hit.end - hit.start)] * len(group)


def _digest(data: bytes, hit: Hit) -> str:
    """Return hex digits that differ where the secret does; from those of a password it can't be told."""
    value = b"\n".join(data[hit.start : hit.end].split())  # line endings and indentation are no part of a key
    if len(value) >= _DRAWN and hit.entropy >= _WORD_ENTROPY and not _CHOSEN.search(hit.rule):
        return hashlib.sha256(_SALT + value).hexdigest()[: _DRAWN_BITS // 4]
    return _slow_hash(value)[: _CHOSEN_BITS // 4]


@lru_cache(maxsize=1024)
def _slow_hash(value: bytes) -> str:
    return hashlib.pbkdf2_hmac("sha256", value, _SALT, _ROUNDS).hex()


def _own(path: str, data: bytes, hits: Sequence[Hit]) -> Iterator[Hit]:
    """Yield what a mask hides of a file and Kingfisher does not report: ids and passwords."""
    text = data.decode("utf-8", "surrogateescape")
    reported = [hit for hit in hits if _counts(path, data, hit)]
    ids = "An access key id of AWS, which belongs to an account and names its secret key."
    says = "A value that is no placeholder is assigned to something that is called a secret."
    for rule, what, spans in ((_OWN_ID, ids, access_key_ids(text)), (_OWN_PASSWORD, says, passwords(text))):
        for span in spans:
            value = text[span.start : span.end]
            start = len(text[: span.start].encode("utf-8", "surrogateescape"))
            end = start + len(value.encode("utf-8", "surrogateescape"))
            bits = entropy(value)
            own = Hit(rule=rule, says=what, confidence="medium", visible=True, start=start, end=end, entropy=bits)
            marked = _ANY_MARK.search(_line(data, start).decode("utf-8", "replace"))
            if not marked and not _is_reported(own, hits, reported):
                yield own


def _is_reported(own: Hit, hits: Sequence[Hit], reported: Sequence[Hit]) -> bool:
    """Tell whether it is reported already: by itself, or as the other half of a pair of AWS's."""

    def near(hit: Hit, room: int) -> bool:
        return hit.start - room < own.end and own.start < hit.end + room

    half = own.rule == _OWN_ID or any("aws" in hit.rule and near(hit, 0) for hit in hits)
    return any(near(hit, _NEAR if half and "aws" in hit.rule else 0) for hit in reported)


def _counts(path: str, data: bytes, hit: Hit) -> bool:
    """Tell whether a hit is worth a reader's minute: not made up, as far as that shows."""
    line = _line(data, hit.start)
    if not hit.visible or hit.end > len(data):
        return False
    if _MADE_UP.search(hit.rule) and (is_test(path) or _is_example(path)):
        return False
    if _URI.search(hit.rule):
        return hit.entropy >= _WORD_ENTROPY and not _STANDIN.search(line.decode("utf-8", "replace"))
    return hit.confidence != "low"


def _is_example(path: str) -> bool:
    pure = PurePosixPath(path.lower())
    return not _EXAMPLES.isdisjoint(pure.parts[:-1]) or pure.suffix in _PROSE


def _finding(file: SourceFile, data: bytes, hit: Hit, hits: Sequence[Hit]) -> Finding:
    unsure = hit.confidence != "high" or is_test(file.path) or _is_example(file.path)
    rule = Rule(
        aspect="security",
        severity=Severity.MEDIUM if unsure else Severity.HIGH,
        confidence=POSSIBLE if unsure else SURE if hit.entropy >= _WORD_ENTROPY else LIKELY,
        why=f"{one_line(hit.says)} Whoever reads the repository, now or later, can use it: revoke it, and load"
        " the new one from the environment or a secret store.",
    )
    kind = re.split(r"[./]", hit.rule)[-1]
    told = _told(data, hit)
    shown = f" ({told})" if told else ""
    line = data.count(b"\n", 0, hit.start) + 1
    place = Place(line, line + data[hit.start : hit.end].rstrip().count(b"\n"), _quote(data, hit, hits))
    title = f"A secret stands in the source: {kind}{shown}"
    return finding(file, place, rule, title=title, source=f"secrets:{hit.rule}", mechanism="hardcoded-secret")


def _told(data: bytes, hit: Hit) -> str:
    """Return what may be told of a secret: the beginning of a long one, "" of others."""
    secret = data[hit.start : hit.end].decode("utf-8", "replace")
    tells = len(secret) >= _LONG and hit.rule != _OWN_PASSWORD and _WORDLIKE.match(secret)
    return f"{secret[:_SHOWN]}…" if tells else ""


def _quote(data: bytes, hit: Hit, hits: Sequence[Hit]) -> str:
    """Return the line on which a secret begins, every secret on it masked; of an endless line what stands around it.

    Nothing marks such a cut, so that the quote is found again in the masked text. A private key's first line says
    what it is and no more.
    """
    begin = data.rfind(b"\n", 0, hit.start) + 1
    end = begin + len(_line(data, hit.start))
    before, after, at = "", "", begin
    for other in sorted(hits, key=lambda other: (other.start, other.end, other.rule)):
        if other.end <= at or other.start >= end:
            continue
        gone = _GOES_ON.match(data, other.end, end)
        if other.start >= at or at == begin:
            after += f"{_text(data[at : other.start])}{_stand_in(data, other)}"
        if other.start <= hit.start:
            before, after = before + after, ""
        at = max(at, min(gone.end() if gone else other.end, end))
    before, after = before.removeprefix("\ufeff"), (after + _text(data[at:end])).rstrip()
    return before[-_LONGEST_QUOTE:] + after[:_LONGEST_QUOTE]


def _stand_in(data: bytes, hit: Hit) -> str:
    """Return what is shown in the place of a secret."""
    first = _text(data[hit.start : hit.end].split(b"\n", 1)[0]).rstrip()
    return first if _KEY_BEGINS.fullmatch(first) else f"{_told(data, hit)}{HIDDEN}"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _line(data: bytes, offset: int) -> bytes:
    start = data.rfind(b"\n", 0, offset) + 1
    end = data.find(b"\n", offset)
    return data[start : end if end >= 0 else len(data)]


SECRETS = Secrets()
