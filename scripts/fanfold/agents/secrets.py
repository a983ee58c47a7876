"""Secrets stay here: which files are never read out, and what is masked in every text that is sent.

A mask hides what has the form of a credential, or is random and assigned to something called a password, a secret, a
token or a key. What documents and tests make up stays: text with `example`, `test` or `xxxx` in it, variables, words.

The rules are fanfold's own, though Kingfisher knows ten times as many kinds (it is how `analyzers.secrets` finds them):
a mask is part of what is sent, so of the keys under which outcomes are stored, and has to be the same bytes on every
machine, with and without that library's wheel; and compiling its rules takes seconds at the start of every process.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

HIDDEN = "[a secret, not shown]"

_SHOWN = 4  # characters of a token that say what kind it is
_PASSES = 4  # a mask may uncover the beginning of what stood right behind it
_CHUNK = 2**15  # characters that one search looks through: other threads get their turn in between


@dataclass(frozen=True, slots=True)
class _Format:
    """A kind of token: `marks`, of which a text must hold one for the pattern to be tried; `keep` characters stay.

    `loose` says that words may have the form as well.
    """

    marks: tuple[str, ...]
    pattern: re.Pattern[str]
    keep: int
    loose: bool


def _token(marks: str, pattern: str, keep: int = _SHOWN, *, loose: bool = False) -> _Format:
    before = "" if pattern.startswith(":") else "(?<![A-Za-z0-9])"
    return _Format(tuple(marks.split("|")), re.compile(before + pattern), keep, loose)


# Every repetition is bounded or possessive, so that each search is linear in the text.
_FORMATS = (
    _token("AKIA|ASIA|ABIA|ACCA", r"A(?:KI|SI|BI|CC)A(?P<secret>[A-Z0-9]{16})(?![A-Za-z0-9])"),
    _token("ghp_|gho_|ghu_|ghs_|ghr_", r"gh[pousr]_(?P<secret>[A-Za-z0-9]{36,255}+)"),
    _token("github_pat_", r"github_pat_(?P<secret>\w{22,255}+)", 11),
    _token("glpat-|gldt-|glrt-|glft-", r"gl(?:pa|[drf])t-(?P<secret>[\w.-]{20,300}+)", 6, loose=True),
    _token("xox", r"xox[abeoprs]-(?P<secret>[\w.-]{10,250}+)", loose=True),
    _token("xapp-", r"xapp-(?P<secret>[\w-]{20,250}+)", loose=True),
    _token("hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows)/(?P<secret>[\w/]{20,200}+)", 0),
    _token("k_live_|k_test_|k_prod_", r"[rs]k_(?:live|test|prod)_(?P<secret>[A-Za-z0-9]{10,250}+)", 7),
    _token("whsec_", r"whsec_(?P<secret>[A-Za-z0-9+/]{24,100}+=*)", 6, loose=True),
    _token("AIza", r"AIza(?P<secret>[\w-]{35})"),
    _token("GOCSPX-", r"GOCSPX-(?P<secret>[\w-]{28})", 7),
    _token("ya29.", r"ya29\.(?P<secret>[\w-]{20,2000}+)", loose=True),
    _token("sk-ant-", r"sk-ant-(?P<secret>[\w-]{20,250}+)", 6),
    _token("sk-", r"sk-(?:proj|svcacct|admin|or-v1|None)-(?P<secret>[\w-]{20,250}+)", 3),
    _token("sk-", r"sk-(?P<secret>[A-Za-z0-9]{32,64})(?![\w-])", 3, loose=True),
    _token("hf_", r"hf_(?P<secret>[A-Za-z]{34})(?![\w-])", 3, loose=True),
    _token("gsk_", r"gsk_(?P<secret>[A-Za-z0-9]{48,60}+)(?![\w-])"),
    _token("npm_", r"npm_(?P<secret>[A-Za-z0-9]{36})(?![\w-])"),
    _token("pypi-AgE", r"pypi-AgE(?P<secret>[\w-]{50,1000}+)", 5),
    _token("dckr_pat_", r"dckr_pat_(?P<secret>[\w-]{27})", 9),
    _token("hvs.|hvb.", r"hv[sb]\.(?P<secret>[\w-]{24,300}+)", loose=True),
    _token("dop_v1_|doo_v1_|dor_v1_", r"do[opr]_v1_(?P<secret>[a-f0-9]{64})", 7),
    _token("shpat_|shpca_|shppa_|shpss_", r"shp(?:at|ca|pa|ss)_(?P<secret>[a-fA-F0-9]{32})", 6),
    _token("dapi", r"dapi(?P<secret>[a-f0-9]{32})(?![\w-])"),
    _token("glsa_", r"glsa_(?P<secret>\w{32,64}+)", 5),
    _token("lin_api_", r"lin_api_(?P<secret>[A-Za-z0-9]{40})", 8),
    _token("AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1(?P<secret>[0-9A-Z]{58})", 16),
    _token("SG.", r"SG\.(?P<secret>[\w-]{22}\.[\w-]{43})", 3),
    _token(":AA", r"\d{8,10}:(?P<secret>AA[\w-]{33})(?![\w-])", 0),
    _token("eyJ", r"eyJ(?P<secret>[\w-]{10,8000}+\.eyJ[\w-]{10,30000}+\.[\w-]{20,2000}+)", 3),
    _token("AccountKey=|SharedAccessKey=", r"(?:Account|SharedAccess)Key=(?P<secret>[A-Za-z0-9+/]{43,86}+=*)", 0),
    _token("earer ", r"[Bb]earer (?P<secret>[\w.~+/-]{20,2000}+=*)", 0, loose=True),
    _token("asic ", r"[Bb]asic (?P<secret>[A-Za-z0-9+/]{16,500}+=*)(?![\w.])", 0, loose=True),
    _token("://", r"://[^\s/:@\"'<>`]{0,100}+:(?P<secret>[^\s/@\"'<>`()\[\]{}|\\]{3,200}+)@(?=[\w\[$])", 0, loose=True),
)

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
_LEAST_ENTROPY = 3.0  # bits a character: `password` has 2.75, `hunter2Zq9` 3.2

_PLACEHOLDER = re.compile(
    r"example|sample|placeholder|dummy|fake|mock|test|change.?me|redacted|your[_-]|x{4}|\*{3}|\.{3}|not[_-]?real|"
    r"insert|replace|default|undefined|lorem|\$[({]|\{\{|#\{|%\(|^\$\w+$|^[%{<]|://",
    re.IGNORECASE,
)
_DOCUMENTED = (
    "4eC39HqLyjWDarjtT1zdp7dc",
    "BQokikJOvBiI2HlWgH4olfQ2",
    "SyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe",
    "eyJzdWIiOiIxMjM0NTY3ODkwI",
)  # keys that Stripe's, Google's and jwt.io's documentation shows
_FEW = 3  # different characters: somebody held a key down
_PIECES = re.compile(r"[A-Z]?[a-z]+|[A-Z]|\d+")
_CAPITALS = re.compile(r"[A-Z]+(?:[_-][A-Z]+)*\d?")
_WORDLIKE = 3.0  # letters in a piece, at the mean: words have more, random text has half as many
_MOST_DIGITS = 4

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


def _chunks(text: str) -> Iterator[str]:
    """Yield the text in pieces that end with a line."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + _CHUNK) + 1 or len(text)
        yield text[start:end]
        start = end


def _masked(text: str) -> str:
    for _ in range(_PASSES):
        spans = sorted({*_tokens(text), *_assigned(text)}, key=lambda span: (span[0], -span[2], -span[1]))
        if not spans:
            break
        text = _replaced(text, spans)
    return text


def _replaced(text: str, spans: list[tuple[int, int, int]]) -> str:
    parts = []
    at = 0
    for start, end, kept in spans:
        if end <= at:
            continue
        if start >= at:
            parts += [text[at : start + kept], "…" if kept else "", HIDDEN]
        at = end
    return "".join([*parts, text[at:]])


def _tokens(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield start, end, and how many characters stay, of each token of a known form."""
    for kind in _FORMATS:
        if any(mark in text for mark in kind.marks):
            for found in kind.pattern.finditer(text):
                if not _made_up(found["secret"], words=kind.loose):
                    start = found.start("secret") if kind.keep == 0 else found.start()
                    yield start, found.end("secret"), kind.keep


def _made_up(value: str, *, words: bool = True) -> bool:
    """Tell whether it is what documents and tests put where a secret goes, or stands for one."""
    return (
        _PLACEHOLDER.search(value) is not None
        or len(set(value)) <= _FEW
        or any(known in value for known in _DOCUMENTED)
        or (words and _is_words(value))
    )


def _assigned(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and 0 of each random value that is assigned to a name for secrets."""
    lower = text.lower()
    if len(lower) != len(text):  # a few letters have longer lower cases
        lower = "".join(character.lower() if character.isascii() else character for character in text)
    for name in _NAMES:
        at = lower.find(name)
        while at >= 0:
            found = _ASSIGNED.match(text, at)
            if found is not None:
                group = "quoted" if found["quoted"] else "bare"
                if _is_random(found[group]) and not (group == "bare" and _IDENTIFIER.fullmatch(found[group])):
                    yield found.start(group), found.end(group), 0
            at = lower.find(name, at + len(name))


def _is_random(value: str) -> bool:
    """Tell whether a value is no word, number, path or stand-in: what a program makes, or a person who takes care."""
    return (
        any(character.isdigit() for character in value)
        and any(character.isalpha() for character in value)
        and not _made_up(value)
        and entropy(value) >= _LEAST_ENTROPY
    )


def _is_words(value: str) -> bool:
    if _CAPITALS.fullmatch(value):
        return True
    pieces = _PIECES.findall(value)
    letters = [len(piece) for piece in pieces if not piece.isdigit()]
    digits = sum(map(len, pieces)) - sum(letters)
    return bool(letters) and digits <= _MOST_DIGITS and sum(letters) / len(pieces) >= _WORDLIKE


def entropy(value: str) -> float:
    """Return Shannon's entropy of the characters, in bits a character."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())


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
