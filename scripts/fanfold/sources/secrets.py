"""Secrets stay here: which files are never read out, and what is masked in every text that is sent.

A mask hides what has the form of a credential, or is random and assigned to something called a password, a secret, a
token or a key. What documents and tests make up stays: text with `example`, `test` or `xxxx` in it, variables, words.

The rules are fanfold's own, though Kingfisher knows more kinds (it is how `analyzers.secrets` finds them): a mask is
part of what is sent, so of the keys under which outcomes are stored, and has to be the same bytes on every machine,
with and without that library's wheel; and compiling its rules takes seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from fanfold.sources.tokens import Span, is_random, tokens

HIDDEN = "[a secret, not shown]"

_AWS_ID, _AWS_LENGTH = "AKIA", 20  # characters
_PASSES = 4  # a mask may uncover the beginning of what stood right behind it
_CHUNK = 2**15  # characters that one search looks through: other threads get their turn in between


_SECRETS_ARE_CALLED = (
    "password passwd passphrase pwd secret token apikey api_key api-key accesskey access_key access-key privatekey"
    " private_key authkey auth_key signing_key encryption_key master_key account_key credential"
)
_NAMES = _SECRETS_ARE_CALLED.split()
_VALUE = r"[A-Za-z0-9!#$%&*+,./:;=?@^_|~\\-]"
_ASSIGNED = re.compile(
    rf"(?:{'|'.join(_NAMES)})"
    r"(?:[_-]?(?:key|value|string|token|base|prod|production|dev|staging|live|default|\d{1,2}))?+"
    r"[\"'`\]]{0,2}+[ \t]{0,8}+"
    r"(?::[ \t]*+[\w.\[\]| ]{1,40}?=|={1,3}|:=|=>|:|>)[ \t]{0,8}+"
    r"(?:[rbuf]?(?P<mark>[\"'`])(?P<quoted>(?:(?!(?P=mark))[^\s\\]){8,300})(?P=mark)"
    rf"|(?P<bare>{_VALUE}{{8,300}}+)(?=[ \t\r]*(?:\n|$|<)))",
    re.IGNORECASE,
)
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*+(?:\.[A-Za-z_]\w*+)++,?|[A-Za-z_]++\d?[A-Za-z_]*+,?")  # at most one digit
_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = "-----END "
_KEY_MATERIAL = re.compile(r"[A-Za-z0-9+/=\\]{16,}|[A-Za-z0-9+/]+=+|(?m:(?<=^)[A-Za-z0-9+/]+$)")
_KEY_LINE = re.compile(r"[\s\"'+>|#*/,\\]*+(?:\d+#[0-9a-f]{3}[ +]\| ?)?+[\"' ]*+[A-Za-z0-9+/=]{16,}+[\s\\nr\"',+]*+")

_LONELY = re.compile(r"(?<![^\s\"'])[A-Za-z0-9+/]{40,}={0,2}(?=[\s\"',\\]|$)")


def mask(text: str) -> str:
    """Return the text with what looks like a secret replaced by HIDDEN, and as many lines as before.

    The same text gives the same result everywhere; a masked text is its own mask. The time is linear in the text.
    """
    if "PRIVATE KEY" in text:
        text = _without_keys(text)
    chunks = [_masked(chunk) for chunk in _chunks(text)]
    return "".join(chunks) if len(chunks) != 1 else chunks[0]


def passwords(text: str) -> list[Span]:
    """Return the values that a mask hides because of the name that they are assigned to."""
    return _apart(_assigned(text))


def access_key_ids(text: str) -> list[Span]:
    """Return the AWS access key ids that a mask hides, from their prefix on."""
    starts = (span._replace(start=span.start - len(_AWS_ID)) for span in tokens(text) if span.ellipsis)
    return _apart(
        span for span in starts if text.startswith(_AWS_ID, span.start) and span.end - span.start == _AWS_LENGTH
    )


def _apart(spans: Iterable[Span]) -> list[Span]:
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept


def _chunks(text: str) -> Iterator[str]:
    """Yield the text in pieces that end with a line."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + _CHUNK) + 1 or len(text)
        yield text[start:end]
        start = end


def _masked(text: str) -> str:
    for _ in range(_PASSES):
        spans = sorted({*tokens(text), *_assigned(text)}, key=lambda span: (span.start, not span.ellipsis, -span.end))
        if not spans:
            break
        text = _replaced(text, spans)
    return text


def _replaced(text: str, spans: list[Span]) -> str:
    parts = []
    at = 0
    for start, end, ellipsis in spans:
        if end <= at:
            continue
        if start >= at:
            parts += [text[at:start], "…" if ellipsis else "", HIDDEN]
        at = end
    return "".join([*parts, text[at:]])


def _assigned(text: str) -> Iterator[Span]:
    """Yield each random value that is assigned to a name for secrets."""
    lower = text.lower()
    if len(lower) != len(text):  # a few letters have longer lower cases
        lower = "".join(character.lower() if character.isascii() else character for character in text)
    for name in _NAMES:
        at = lower.find(name)
        while at >= 0:
            found = _ASSIGNED.match(text, at)
            if found is not None:
                group = "quoted" if found["quoted"] else "bare"
                if _counts(found[group], bare=group == "bare"):
                    yield Span(found.start(group), found.end(group), ellipsis=False)
            at = lower.find(name, at + len(name))


def _counts(value: str, *, bare: bool) -> bool:
    """Tell whether a value is to be hidden as a whole; a token of a known form keeps the prefix that says so."""
    if not is_random(value) or (bare and _IDENTIFIER.fullmatch(value)):
        return False
    known = next(tokens(value), None)
    return known is None or not known.ellipsis or known.end < len(value)


def _without_keys(text: str) -> str:
    """Return the text with what is inside of private keys replaced, line by line."""
    parts = []
    at = 0
    end = -1
    while (begin := _KEY_BEGIN.search(text, at)) is not None:
        inside = begin.end()
        if end < inside:
            end = text.find(_KEY_END, inside)
            end = len(text) if end < 0 else end
        another = _KEY_BEGIN.search(text, inside, end)
        stop = end if another is None and _is_key(text[inside:end]) else _last_key_line(text, inside)
        parts += [text[at:inside], "\n".join(map(_hidden, text[inside:stop].split("\n")))]
        at = stop
    return "".join([*parts, text[at:]])


def _is_key(inside: str) -> bool:
    """Tell whether there is a key between the marks, not a program that looks for marks."""
    return 2 * sum(map(len, _KEY_MATERIAL.findall(inside))) >= len("".join(inside.split())) > 0


def _last_key_line(text: str, inside: int) -> int:
    """Return where a key ends that has no end: at the first line that can't belong to it."""
    at = text.find("\n", inside) + 1 or len(text)
    while at < len(text):
        end = text.find("\n", at) + 1 or len(text)
        if not _KEY_LINE.fullmatch(text, at, end):
            break
        at = end
    return at


def _hidden(line: str) -> str:
    return line if HIDDEN in line else _KEY_MATERIAL.sub(HIDDEN, line)


_ALWAYS = re.compile(
    r"\.env(?:rc|\..+)?|.+\.env|id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?|[._]netrc|\.pgpass|\.my\.cnf|\.htpasswd|"
    r"\.git-credentials|\.vault[-_]?(?:pass|token).*|.+\.(?:p12|pfx|jks|keystore|kdbx|ppk|tfstate|tfstate\.backup)|"
    r"(?:[\w-]+[-_.])?(?:credentials?|secrets?)(?:\.(?:json|ya?ml|toml|ini|cfg|conf|txt|csv|xml|properties|enc|env))?|"
    r"(?:client_secret|service[-_]?account|gcp[-_]?key)[\w.-]*\.json|kubeconfig|\.dockercfg|master\.key",
    re.IGNORECASE,
)
_EXAMPLE = re.compile(
    r"(?:^|[._-])(?:example|sample|template|dist|defaults?|schema|tpl|tmpl|j2|in|md|py)$", re.IGNORECASE
)
_KEYS = re.compile(r".+\.(?:pem|key|crt|cer|der|asc|gpg|p8|pkcs8)", re.IGNORECASE)
_MAY_HOLD = re.compile(
    r"\.(?:npmrc|pypirc|yarnrc(?:\.yml)?|s3cfg|boto|dockerconfigjson)|pip\.conf|nuget\.config|settings\.xml|"
    r".+\.(?:tfvars|ovpn|mobileconfig)|docker/config\.json|\.docker/config\.json|\.cargo/credentials.*",
    re.IGNORECASE,
)
_PUBLIC = re.compile(r"-----BEGIN (?!.*PRIVATE KEY)")
_IS_KEY = re.compile(r"\s*-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY|PuTTY-User-Key-File|\s*AGE-SECRET-KEY-")


def may_be_read(path: str) -> bool:
    """Tell by its name whether a file may be read out; its content has a say too, see `holds_secrets`."""
    name = PurePosixPath(path).name
    return not _ALWAYS.fullmatch(name) or _EXAMPLE.search(name) is not None


def mask_alone(line: str) -> str:
    """Return the mask of a line whose file isn't known: what could be a line inside of a key goes as well."""
    return _LONELY.sub(HIDDEN, mask(line))


def read_out(path: str, text: str) -> str | None:
    """Return what may be told of a file: its text, masked; None when it holds secrets.

    A part of a file is taken from here: what is cut out first may begin inside of a key and not look like one.
    """
    return None if holds_secrets(path, text) else mask(text)


def holds_secrets(path: str, text: str) -> bool:
    """Tell by its name and its text whether a file is there to hold secrets, so that nothing of it is shown."""
    if not may_be_read(path) or _IS_KEY.match(text):
        return True
    name = PurePosixPath(path).name
    if _KEYS.fullmatch(name):
        return "PRIVATE KEY" in text or not _PUBLIC.search(text)
    if name.lower().endswith(".json") and '"private_key"' in text and "PRIVATE KEY-----" in text:
        return True  # a service account's
    if _MAY_HOLD.fullmatch(name) or _MAY_HOLD.fullmatch("/".join(PurePosixPath(path).parts[-2:])):
        return mask(text) != text
    return False
