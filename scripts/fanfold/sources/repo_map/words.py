"""Words of questions and of code, brought to a form in which they meet.

`retryPolicies`, `RETRY_POLICY` and "a policy for retries" have the stems `retr` and `polic` in common.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

# camelCase, PascalCase, snake_case, and runs of capitals: HTTPServer is HTTP and Server.
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SHORTEST = 2
_KEPT = 3  # letters that a suffix leaves at least

_EMPTY_WORDS = """
a able about after again all allow allows also always an and another any anything are as ask asked at back be
because been before begin between both by came can cause come comes could decide decided did do does done down
during each either else end ends every find first for found from gave get gets give given gives go goes going got
had happen happened happening happens have has he her here his how i if in instead into is isn it its just keep kept
know known knows last less let lets like long look looked looks made make makes making many may me mean means might
more most much must my need needed needs neither never new next no nobody none nor not nothing now of off old on
once one only onto or other others our out over own per place please put really same say see seen she should show
so some somebody someone something still such take taken takes tell than that the their them then there these they
thing things this those through time times to told too turn turned turns two under until up upon us use used uses
using very via want was way ways we well went were what when where whether which while who whom whose why will with
within without work worked working works would yes yet you your
"""
EMPTY = frozenset(_EMPTY_WORDS.split())
"""What questions are made of and code is not about."""

_KIN = """
abort cancel kill terminate
access permission authorize role
adapt adjust
address addr
alias rename
answer reply respond response
argument arg parameter param
asynchronous async await coroutine
attribute attr property
authenticate auth login signin credential
begin start launch boot startup init
buffer fifo queue
cache memo memoize
callback handler hook listener
certificate cert ssl tls
change modify update edit mutate alter
check validate verify assert
child subprocess fork spawn
clone copy duplicate
close shutdown stop quit exit
colour color palette
column row table
combine merge join
command cli
compare equal diff
complete completion suggest
compress compression gzip deflate zip
concurrent parallel thread
config configuration configure setting option preference
connect connection conn socket
convert converter cast coerce transform
count number num
crawl download fetch spider
create build construct make new
current cur
dangerous unsafe sandbox safe
database db sql
date time datetime timezone
decode decoder decompress unpack inflate
default fallback
defer deferred lazy postpone
delay backoff pause sleep throttle wait
delete discard drop erase purge remove
dependency depend topological require
destination dest dst target
digest hash checksum fingerprint
directory dir folder
dispatch emit publish send signal
duplicate dupe unique seen twice
encode serialize dump marshal pickle
encrypt cipher crypto
environment env environ
error exception exc fail failure fault raise
escape quote sanitize
event signal
expire expiry stale ttl age
export exporter format
file disk filesystem
filter predicate
function func callable
graceful shutdown
identifier id key
idle keepalive inactive
image img
initialise initialize init setup
keep store save persist
language locale translation
length len size width measure
limit max maximum most
load parse read
lock mutex semaphore
log logger logging
lookup match query search
message msg
minimum min least
monitor observe watch
order sort sequence
page url
parent ancestor base
password secret credential
periodic schedule scheduler cron beat timer
pool reuse
position pos index offset
previous prev
print display render draw
process subprocess multiprocessing
prompt interactive question
proxy tunnel
random rand seed
rate quota throttle
receive recv consume
redirect location
reference ref
regular regex pattern
reload restart
request req
result outcome
retry retries attempt
route routing url endpoint path
server srv host
session cookie
sign signature signer token
source src
split chunk partition
teardown cleanup finalize finalizer
temporary temp tmp
template render
test case
trust verify
upload multipart
variable var
website site domain
write output
"""
"""Words that programs use for one another, and abbreviations: each line is one meaning."""


def asked(question: str, most: int) -> dict[str, tuple[str, ...]]:
    """Return the stems that a question is about, in order, and the words that have them; `most`, those said most often.

    A word is there as it was said and without the endings of number and tense.
    """
    count: Counter[str] = Counter()
    forms: dict[str, dict[str, None]] = {}
    for match in WORD.finditer(question):
        word = match[0].lower()
        if len(word) >= _SHORTEST and word not in EMPTY:
            found = stem(word)
            count[found] += 1
            forms.setdefault(found, {}).update({word: None, _without_tense(word): None})
    often = {found for found, _ in count.most_common(most)}
    return {found: tuple(said) for found, said in forms.items() if found in often}


@lru_cache(maxsize=1)
def kin() -> Mapping[str, frozenset[str]]:
    """Return by its stem what else a word may be called in code."""
    found: dict[str, set[str]] = {}
    for line in _KIN.strip().splitlines():
        stems = {stem(word) for word in line.split()}
        for one in stems:
            found.setdefault(one, set()).update(stems - {one})
    return MappingProxyType({one: frozenset(others) for one, others in found.items()})


_ENDINGS = (("ies", "y"), ("ied", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""))
_NOUNS = ("ation", "ator", "ition", "ion", "ment", "er", "or", "ly", "e", "y")
_VOWEL = re.compile(r"[aeiouy]")
_HISSES = ("s", "x", "z", "ch", "sh")


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """Return what a word of lower-case letters has in common with its other forms: the beginning of all of them.

    A light stemmer in the manner of Harman's and Porter's: plural, tense, and the endings that make nouns of verbs.
    """
    if len(word) <= _KEPT:
        return word
    return _without_nouns(_without_tense(word))


def _without_tense(word: str) -> str:
    for ending, instead in _ENDINGS:
        rest = word.removesuffix(ending)
        if rest == word or len(rest) + len(instead) < _KEPT:
            continue
        if ending == "es" and not rest.endswith(_HISSES):
            return f"{rest}e"
        if (ending == "s" and rest[-1] in "su") or (ending in {"ing", "ed"} and not _VOWEL.search(rest)):
            return word
        if ending in {"ing", "ed"} and len(rest) > _KEPT and rest[-1] == rest[-2] and rest[-1] not in "lsz":
            return rest[:-1]
        return rest + instead
    return word


def _without_nouns(word: str) -> str:
    for ending in _NOUNS:
        if word.endswith(ending) and len(word) - len(ending) > _KEPT:
            return word.removesuffix(ending)
    return word
