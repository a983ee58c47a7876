"""Credentials that are known by their form, and what is only made up to look like one.

The forms are those that issuers document and that scanners share (gitleaks' and Kingfisher's rules name them). Where
there is none, looking costs nearly nothing: only runs of twenty characters that a token can have are searched.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple


class Span(NamedTuple):
    """What is to be hidden of a text; `ellipsis` when what stands before it says what kind of token it is."""

    start: int
    end: int
    ellipsis: bool


@dataclass(frozen=True, slots=True)
class _Form:
    """A kind of token: the group `secret` is hidden. `loose` says that words may have the form as well."""

    pattern: re.Pattern[str]
    loose: bool = False


def _form(pattern: str, *, loose: bool = False) -> _Form:
    return _Form(re.compile(rf"(?<![A-Za-z0-9]){pattern}"), loose)


# Prefixes behind which there is nothing but a token.
_ISSUED = (
    "AIK_CI_ AIK_SECRET_ AKCp AQ.Ab8RN6 ATATT3 ATBB ATCTT3 AstraCS: BBDC- CCDB1_ CCIPAT_ CCIPRJ_ CLOJARS_ EAAA"
    " GR1348941 HRKU- LTAI PMAK- PMAT- SWMKEY-1- SWMTKN-1- api_live. api_live_ca. api_live_us. api_org_ apify_api_"
    " apk_user_ bedrock-api-key- bkaa_ bkaj_ bkar_ bkct_ bkpat_ bkps_ bkpt_ bkua_ cfat_ cfut_ cmVmd cnvca csa_"
    " csk- ddo_ ddp_ dckr_oat_ dckr_pat_ dnkey- dvc_mobile_ dvc_server_ essu_ eyJrIjoi figd_ fm1r_ fm2_ fo1_"
    " glagent- glc_ glcbt- gldt- glffct- glft- glimt- gloas- glpat- glptt- glrt- glsa_ glsoat- hvb. hvs. ico-"
    " lin_api_ lip_ llx- lsv2_pt_ lsv2_sk_ mdb_sa_sk_ mercury_production_ mergify_application_key_ mlsn. napi_"
    " nfp_ ntn_ nvapi- nyk_ ops_eyJ os_v2_app_ os_v2_org_ packagist_ack_ packagist_acs_ packagist_ort_"
    " packagist_out_ pcsk_ pdl_live_apikey_ persona_production_ pina_ pnu_ polar_at_ polar_oat_ polar_pat_ pplx-"
    " pscale_oauth_ pscale_pw_ pscale_tkn_ pul- ramp_sec_ rdme_ rnd_ rootly_ rpa_ rubygems_ rzp_live_ samsara_api_"
    " sb_secret_ sbp_ sgp_ shippo_live_ sk-lf- sk_car_ sm_aat_ sm_pat_ sm_sat_ sntrys_ sntryu_ sq0atp- sq0csp-"
    " sqp_ squ_ tk-us- tskey-api- tskey-auth- tss_ tvly- ucat_ unkey_ vck_ vtwn_ xai- xkeysib- xnd_production_"
    " ya29. zpka_"
)

# Every repetition is bounded or possessive, so that each search is linear in the text.
_IN_RUNS = (
    _form(r"A(?:KI|SI|BI|CC)A(?P<secret>[A-Z0-9]{16})(?![A-Za-z0-9])"),
    _form(r"gh[pousr]_(?P<secret>[A-Za-z0-9]{36,255}+)"),
    _form(r"github_pat_(?P<secret>\w{22,255}+)"),
    _form(r"xox[abceoprs]-(?P<secret>[\w.-]{10,250}+)", loose=True),
    _form(r"xapp-(?P<secret>[\w-]{20,250}+)", loose=True),
    _form(r"hooks\.slack\.com/(?:services|workflows)/(?P<secret>[\w/]{20,200}+)"),
    _form(r"[rs]k_(?:live|test|prod)_(?P<secret>[A-Za-z0-9]{10,250}+)"),
    _form(r"whsec_(?P<secret>[A-Za-z0-9+/]{24,100}+=*)", loose=True),
    _form(r"AIza(?P<secret>[\w-]{35})"),
    _form(r"GOCSPX-(?P<secret>[\w-]{28})"),
    _form(r"sk-ant-(?P<secret>[\w-]{20,250}+)"),
    _form(r"sk-(?:proj|svcacct|admin|or-v1|None|api)-(?P<secret>[\w-]{20,250}+)"),
    _form(r"sk-(?P<secret>[A-Za-z0-9]{32,64})(?![\w-])", loose=True),
    _form(r"hf_(?P<secret>[A-Za-z]{34})(?![\w-])", loose=True),
    _form(r"gsk_(?P<secret>[A-Za-z0-9]{48,60}+)(?![\w-])"),
    _form(r"npm_(?P<secret>[A-Za-z0-9]{36})(?![\w-])"),
    _form(r"pypi-AgE(?P<secret>[\w-]{50,1000}+)"),
    _form(r"do[opr]_v1_(?P<secret>[a-f0-9]{64})"),
    _form(r"shp(?:at|ca|pa|ss)_(?P<secret>[a-fA-F0-9]{32})"),
    _form(r"dapi(?P<secret>[a-f0-9]{32})(?![\w])"),
    _form(r"NR(?:AK|II|JS|RA)-(?P<secret>[A-Za-z0-9]{19,40}+)"),
    _form(r"AGE-SECRET-KEY-1(?P<secret>[0-9A-Z]{58})"),
    _form(r"SG\.(?P<secret>[\w-]{22}\.[\w-]{43})"),
    _form(r"\d{8,10}:(?P<secret>AA[\w-]{33})(?![\w-])"),
    _form(r"eyJ(?P<secret>[\w-]{10,8000}+\.eyJ[\w-]{10,30000}+\.[\w-]{20,2000}+)"),
    _form(r"(?:Account|SharedAccess)Key=(?P<secret>[A-Za-z0-9+/]{43,86}+=*)"),
    _form(r"A3-(?P<secret>[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3})"),
    _form(r"ABSK(?P<secret>[A-Za-z0-9+/]{100,280}+=*)"),
    _form(r"key-(?P<secret>[0-9a-f]{32})(?![\w-])"),
    _form(r"(?P<secret>[0-9a-f]{32})-us\d{1,2}(?!\w)"),
    _form(r"pat(?P<secret>[A-Za-z0-9]{14}\.[a-f0-9]{64})"),
    _form(r"(?P<secret>[a-zA-Z0-9]{14}\.atlasv1\.[\w-]{60,70}+)"),
    _form(rf"(?:{'|'.join(map(re.escape, _ISSUED.split()))})(?P<secret>[\w.+/=-]{{16,400}}+)", loose=True),
)
_SPACED = {
    "earer ": _form(r"[Bb]earer (?P<secret>[\w.~+/-]{20,2000}+=*)", loose=True),
    "asic ": _form(r"[Bb]asic (?P<secret>[A-Za-z0-9+/]{16,500}+=*)(?![\w.])", loose=True),
    "FlyV1 ": _form(r"FlyV1 (?P<secret>[\w=,/+-]{60,2000}+)", loose=True),
    "://": _Form(
        re.compile(r"://[^\s/:@\"'<>`]{0,100}+:(?P<secret>[^\s/@\"'<>`()\[\]{}|\\]{3,200}+)@(?=[\w\[$])"), loose=True
    ),
}
_WITHOUT_DIGIT = ("AKIA", "ASIA", "ABIA", "ACCA", "hf_", "api_org_")  # what may hold none

_TOKEN_BYTES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+/=:-")
_SHAPE = bytes(0x61 if byte in _TOKEN_BYTES else 0x20 for byte in range(256))
_LONG = b"a" * 20
_DIGIT = re.compile(r"\d")


def tokens(text: str) -> Iterator[Span]:
    """Yield the tokens of a known form."""
    for start, end in _runs(text):
        for form in _IN_RUNS:
            yield from _found(form, text, start, end)
    for mark, form in _SPACED.items():
        if mark in text:
            yield from _found(form, text, 0, len(text))


def _runs(text: str) -> Iterator[tuple[int, int]]:
    """Yield where there are twenty characters or more that a token can have, and a digit unless it needs none."""
    shape = text.encode("ascii", "replace").translate(_SHAPE)  # one byte a character, so that offsets are the same
    every = any(prefix in text for prefix in _WITHOUT_DIGIT)
    at = shape.find(_LONG)
    while at >= 0:
        end = shape.find(b" ", at)
        end = len(shape) if end < 0 else end
        if every or _DIGIT.search(text, at, end):
            yield at, end
        at = shape.find(_LONG, end)


def _found(form: _Form, text: str, start: int, end: int) -> Iterator[Span]:
    for match in form.pattern.finditer(text, start, end):
        if not made_up(match["secret"], words=form.loose):
            first = match.start("secret")
            yield Span(first, match.end("secret"), ellipsis=first > match.start() and text[first - 1] not in " :")


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


def made_up(value: str, *, words: bool = True) -> bool:
    """Tell whether it is what documents and tests put where a secret goes, or stands for one; or `words` alone."""
    return (
        _PLACEHOLDER.search(value) is not None
        or len(set(value)) <= _FEW
        or any(known in value for known in _DOCUMENTED)
        or (words and _is_words(value))
    )


def is_random(value: str) -> bool:
    """Tell whether a value is no word, number, path or stand-in: what a program makes, or a person who takes care."""
    return (
        any(character.isdigit() for character in value)
        and any(character.isalpha() for character in value)
        and not made_up(value)
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
