"""How relevant each file of a map is to a question: what its names and text say, and what that leads to. Pure.

Words are weighed as in BM25 (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009), each field by
itself: path, names of definitions, docstrings, names that are used, text, and the densest passage. What a question
names by its path or by its identifier comes first. Relevance then flows along imports and references, by personalised
PageRank.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import log

from fanfold.sources.beside import DOCUMENT, EXAMPLE, TEST, beside
from fanfold.sources.repo_map.graph import central
from fanfold.sources.repo_map.values import MappedFile, RepoMap
from fanfold.sources.repo_map.words import WORD, asked, kin, stem


@dataclass(frozen=True, slots=True)
class Weights:
    """What counts how much; found on benchmarks/planner_cases.jsonl, without the cases that are held out.

    A field's saturation is the number of mentions, in a file of average length, that counts half.
    """

    text: float = 0.5
    text_saturation: float = 5.0
    names: float = 0.75
    names_saturation: float = 5.0
    docs: float = 0.5
    uses: float = 0.75
    folder: float = 0.35
    file: float = 0.7
    passage: float = 0.7
    length: float = 0.5  # how much a long file's mentions count for less, 0 to 1
    many_names: float = 0.7  # the same for a file of many definitions
    kin: float = 0.3  # a word that stands for one of the question's
    unnamed: float = 0.6  # a word that hardly any file names something by
    named_in: float = 2.0  # a word counts in full when one in so many files that have it names something by it
    aside: float = 0.25  # tests, documents and examples, when the question is not about them
    no_code: float = 0.25  # a file that defines nothing
    linked: float = 0.1  # what is near to the most relevant files
    literal: float = 1.0  # a path or an identifier that stands in the question


_WEIGHTS = Weights()
_MOST_WORDS = 48  # of a question: a longer one is not about more
_PASSAGE = 1_500  # characters: about forty lines
_SEEDS = 15
_SHORTEST_FORM = 4  # letters
_SHORTEST_COMPOUND = 7
_RADIX = 1_024  # more than there are terms


def relevance(
    tree: RepoMap, question: str, texts: Iterable[tuple[str, str | None]], *, weights: Weights = _WEIGHTS
) -> dict[str, float]:
    """Return how relevant each file is to the question, from 0 to 1 for the most relevant one.

    `texts` are the files' contents, in any order; each is looked at once and not kept. A file that none is given for
    counts by its names. A question without a word that says anything leaves how central a file is.
    """
    terms = _terms(question, weights)
    if not terms.weight or not tree.files:
        return _scaled(_code_first(tree, weights))
    seen = _Seen(tree, terms)
    for path, text in texts:
        if text is not None and path in tree.files:
            seen.read(path, text)
    scores = _scores(tree, seen, weights)
    _set_aside(scores, tree, seen, weights)
    _add_literal(scores, tree, question, weights)
    return _scaled(_spread(scores, tree, weights))


def _code_first(tree: RepoMap, weights: Weights) -> dict[str, float]:
    """Return how central each file is, with what is no code and what stands beside the code behind."""
    return {
        path: score
        * (weights.aside if beside(path) else 1.0)
        * (1.0 if tree.files[path].facts.symbols else weights.no_code)
        for path, score in central(tree).items()
    }


@dataclass(frozen=True, slots=True)
class _Terms:
    """The stems to look for: `own` ones of the question, then those that may stand for them; and what each weighs.

    `forms` are words of the question by which names without a border in them are told: `autoretry`, `keepalive`.
    """

    stems: tuple[str, ...]
    weight: tuple[float, ...]
    own: int
    forms: tuple[tuple[str, int], ...]


def _terms(question: str, weights: Weights) -> _Terms:
    own = asked(question, _MOST_WORDS)
    others = dict.fromkeys(other for one in own for other in sorted(kin().get(one, ())) if other not in own)
    weight = (*(1.0 for _ in own), *(weights.kin for _ in others))
    said = ((word, number) for number, words_said in enumerate(own.values()) for word in words_said)
    forms = tuple((word, number) for word, number in said if len(word) >= _SHORTEST_FORM)
    return _Terms((*own, *others), weight, len(own), forms)


@dataclass(slots=True)
class _Mentions:
    """Where the terms stand in one file, by their numbers; `places` are those in its text, `length` its characters."""

    folder: frozenset[int]
    file: frozenset[int]
    names: Mapping[int, int]
    docs: Mapping[int, int]
    uses: Mapping[int, int]
    definitions: int
    length: int
    text: Counter[int] = field(default_factory=Counter)
    places: array[int] = field(default_factory=lambda: array("Q"))

    @property
    def terms(self) -> set[int]:
        return {*self.folder, *self.file, *self.names, *self.docs, *self.uses, *self.text}


class _Seen:
    """What has been seen of the terms in each file: first by the map, then in the texts."""

    def __init__(self, tree: RepoMap, terms: _Terms) -> None:
        self.terms = terms
        self._numbers = {stem: number for number, stem in enumerate(terms.stems)}
        self._hits: dict[str, tuple[int, ...]] = {}
        self.files = {path: self._mapped(file) for path, file in tree.files.items()}

    def read(self, path: str, text: str) -> None:
        """Look for the question's own words in a text; others may stand for too much there."""
        mentions = self.files[path]
        mentions.length = len(text)
        found = sorted(_found(text, self.terms.stems))
        mentions.text = Counter(number for _, number in found)
        mentions.places = array("Q", (place * _RADIX + number for place, number in found))

    def _mapped(self, file: MappedFile) -> _Mentions:
        folder, _, name = file.path.rpartition("/")
        facts = file.facts
        uses: Counter[int] = Counter()
        for identifier, often in facts.uses.items():
            for number in self._in(identifier):
                uses[number] += often
        docs = "\n".join([facts.doc, *filter(None, (symbol.doc for symbol in facts.symbols))])
        return _Mentions(
            folder=frozenset(number for part in folder.split("/") for number in self._in(part)),
            file=frozenset(self._in(name.rpartition(".")[0] or name)),
            names=Counter(number for symbol in facts.symbols for number in self._in(symbol.name)),
            docs=Counter(number for _, number in _found(docs, self.terms.stems)),
            uses=uses,
            definitions=len(facts.symbols),
            length=file.size,
        )

    def _in(self, identifier: str) -> tuple[int, ...]:
        """Return the terms in an identifier; the same ones come again and again."""
        hits = self._hits.get(identifier)
        if hits is None:
            hits = self._hits[identifier] = tuple(self._looked_up(identifier))
        return hits

    def _looked_up(self, identifier: str) -> Iterator[int]:
        for match in WORD.finditer(identifier):
            word = match[0].lower()
            number = self._numbers.get(stem(word))
            if number is not None:
                yield number
            elif len(word) >= _SHORTEST_COMPOUND:
                yield from (n for form, n in self.terms.forms if word.startswith(form) or word.endswith(form))


_LETTERS = re.compile(r"[a-z]*")


def _found(text: str, stems: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield where a word with one of these stems begins, and the stem's number.

    Beginnings are searched for as they are, since that is a hundred times as fast as to take a text apart.
    """
    lower = text.lower()
    if len(lower) != len(text):
        text = lower  # some letters have two in lower case; where a word begins in camelCase is then lost
    for number, wanted in enumerate(stems):
        at = lower.find(wanted)
        while at >= 0:
            inside = at > 0 and lower[at - 1].isalpha()
            if (not inside or (text[at].isupper() and not text[at - 1].isupper())) and _is(wanted, text, lower, at):
                yield at, number
            at = lower.find(wanted, at + len(wanted))


def _is(wanted: str, text: str, lower: str, at: int) -> bool:
    """Tell whether the word that begins here has this stem."""
    letters = _LETTERS.match(lower, at)
    word = text[at : letters.end()] if letters else ""
    if not (word.islower() or word.isupper()) and (first := WORD.match(word)):
        word = first[0]
    return stem(word.lower()) == wanted


def _scores(tree: RepoMap, seen: _Seen, weights: Weights) -> dict[str, float]:
    """Return what each file's own mentions come to."""
    says = _says(seen, weights)
    count = len(tree.files)
    length = sum(mentions.length for mentions in seen.files.values()) / count or 1.0
    defining = [mentions.definitions for mentions in seen.files.values() if mentions.definitions]
    definitions = sum(defining) / len(defining) if defining else 1.0
    return {
        path: _score(mentions, says, mentions.length / length, mentions.definitions / definitions, weights)
        for path, mentions in seen.files.items()
    }


def _says(seen: _Seen, weights: Weights) -> list[float]:
    """Return how much each term says: the rarer, and the more code is named by it, the more."""
    having: Counter[int] = Counter()
    naming: Counter[int] = Counter()
    for mentions in seen.files.values():
        having.update(mentions.terms)
        naming.update({*mentions.names, *mentions.file})
    says = []
    for number, weight in enumerate(seen.terms.weight):
        rarity = log(1 + (len(seen.files) - having[number] + 0.5) / (having[number] + 0.5))
        named = min(1.0, weights.named_in * naming[number] / max(1, having[number]))
        says.append(weight * rarity * (weights.unnamed + (1 - weights.unnamed) * named))
    return says


def _score(mentions: _Mentions, says: list[float], length: float, definitions: float, weights: Weights) -> float:
    """Add up the fields; `length` and `definitions` are shares of the average file's."""
    in_text = weights.text_saturation * (1 - weights.length + weights.length * length)
    in_names = weights.names_saturation * (1 - weights.many_names + weights.many_names * definitions)
    score = weights.passage * _densest(mentions.places, says) if mentions.places else 0.0
    for number in mentions.terms:
        score += says[number] * (
            weights.text * _saturated(mentions.text.get(number, 0), in_text)
            + weights.uses * _saturated(mentions.uses.get(number, 0), in_text)
            + weights.names * _saturated(mentions.names.get(number, 0), in_names)
            + weights.docs * _saturated(mentions.docs.get(number, 0), in_names)
            + weights.folder * (number in mentions.folder)
            + weights.file * (number in mentions.file)
        )
    return score


def _saturated(often: int, half: float) -> float:
    return often / (often + half)


def _densest(places: array[int], says: list[float]) -> float:
    """Return what the passage comes to in which most of the question stands together."""
    inside = [0] * len(says)
    best = value = 0.0
    first = 0
    for last in places:
        at, number = divmod(last, _RADIX)
        while places[first] // _RADIX < at - _PASSAGE:
            out = places[first] % _RADIX
            value -= says[out] * (_part(inside[out]) - _part(inside[out] - 1))
            inside[out] -= 1
            first += 1
        value += says[number] * (_part(inside[number] + 1) - _part(inside[number]))
        inside[number] += 1
        best = max(best, value)
    return best


def _part(often: int) -> float:
    return often / (often + 1.2)


# What is written in code: a path, a dotted name, an identifier.
_CODE = re.compile(r"[\w.][\w./-]*")
_MOST_DEFINERS = 8


def _add_literal(scores: dict[str, float], tree: RepoMap, question: str, weights: Weights) -> None:
    """Put first what the question names as code does: a file by its path, or what defines an identifier."""
    most = max(scores.values(), default=0.0) or 1.0
    for token in list(_written(question[:_READ]))[:_MOST_WORDS]:
        found = _files_named(tree, token) or _definers(tree, token)
        for path in found if len(found) <= _MOST_DEFINERS else ():
            scores[path] += weights.literal * most / len(found) ** 0.5


_READ = 20_000  # characters of a question
_NAME = re.compile(r"\w*[a-z]\w*[A-Z]\w*|[A-Z]\w*[a-z]\w*")
_NEAR = 8
_ENDS = ("", ".", "?", "!", ":", "\n")  # behind these, and at the beginning, a capital says nothing


def _written(question: str) -> dict[str, None]:
    """Return what people write so in code only: with a slash, a dot, an underscore or a capital within.

    Or with a capital where no sentence begins; that of an acronym says nothing.
    """
    found: dict[str, None] = {}
    for match in _CODE.finditer(question):
        token = match[0].rstrip("./-").removeprefix("./")
        begins = question[max(0, match.start() - _NEAR) : match.start()].rstrip(" `\"'(")[-1:] in _ENDS
        humped = any(map(str.isupper, token[1:]))
        if any(mark in token[1:-1] for mark in "/._") or (_NAME.fullmatch(token) and (humped or not begins)):
            found[token] = None
    return found


def _files_named(tree: RepoMap, token: str) -> list[str]:
    """Return the files whose path ends so, as a path or as a module's name."""
    module = token.replace(".", "/")
    ends = [f"/{token}", f"/{module}.py", f"/{module}/__init__.py"]
    return [path for path in tree.files if any(f"/{path}".endswith(end) for end in ends)]


def _definers(tree: RepoMap, token: str) -> list[str]:
    """Return the files that define this name, or something so qualified."""
    last = token.rpartition(".")[2]
    ending = f".{token}"
    return [
        path
        for path, file in tree.files.items()
        if any(
            symbol.name == last and (symbol.qualified == token or symbol.qualified.endswith(ending) or last == token)
            for symbol in file.facts.symbols
        )
    ]


_ABOUT = {
    TEST: "test tests tested testing unittest coverage",
    DOCUMENT: "document documented documentation docs readme changelog guide",
    EXAMPLE: "example demo sample tutorial benchmark script scripts",
}
"""Words of questions that are about what stands beside the code."""

_COMMON = 0.1  # the share of the code that is named by such a word where it says nothing: the code of a test runner


def _set_aside(scores: dict[str, float], tree: RepoMap, seen: _Seen, weights: Weights) -> None:
    """Let what is no code, and what stands beside the code, count for less, unless the question is about it."""
    wanted = {kind for kind in _ABOUT if _asks_about(kind, seen)}
    for path, file in tree.files.items():
        if beside(path) - wanted:
            scores[path] *= weights.aside
        if not file.facts.symbols and not (DOCUMENT in wanted and DOCUMENT in beside(path)):
            scores[path] *= weights.no_code


def _asks_about(kind: str, seen: _Seen) -> bool:
    stems = {stem(word) for word in _ABOUT[kind].split()}
    numbers = {number for number, own in enumerate(seen.terms.stems[: seen.terms.own]) if own in stems}
    code = [mentions for path, mentions in seen.files.items() if not beside(path) and mentions.definitions]
    named = sum(1 for mentions in code if not numbers.isdisjoint([*mentions.names, *mentions.file]))
    return bool(numbers) and named <= _COMMON * len(code)


def _spread(scores: Mapping[str, float], tree: RepoMap, weights: Weights) -> dict[str, float]:
    """Add to each file what flows to it from the most relevant ones, along what they import and use."""
    first = sorted(scores, key=lambda path: (-scores[path], path))[:_SEEDS]
    most = scores[first[0]]
    if most <= 0:
        return dict(scores)
    near = central(tree, {path: (scores[path] / most) ** 2 for path in first})
    nearest = max(near.values())
    return {
        path: score + weights.linked * most * near[path] / nearest * (weights.aside if beside(path) else 1.0)
        for path, score in scores.items()
    }


def _scaled(scores: Mapping[str, float]) -> dict[str, float]:
    most = max(scores.values(), default=0.0) or 1.0
    return {path: score / most for path, score in scores.items()}
