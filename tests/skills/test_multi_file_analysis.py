"""An analysis' pure middle: what becomes of what sub-agents say of the code."""

import asyncio
import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.agents.spec import Answered
from fanfold.engine.supervisor import Supervisor
from fanfold.models import Dropped
from fanfold.reports.analysed import Note
from fanfold.skills.multi_file_analysis.answer import (
    Block,
    Conflict,
    ReportedNote,
    Sentence,
    SynthesisAnswer,
    WorkerAnswer,
)
from fanfold.skills.multi_file_analysis.brief import brief_of, shared_context
from fanfold.skills.multi_file_analysis.citations import Checked, Checker
from fanfold.skills.multi_file_analysis.notes import items_of, known_ids, ranked
from fanfold.skills.multi_file_analysis.plan import AreaTask, Part
from fanfold.skills.multi_file_analysis.reduce import fitting, grouped
from fanfold.skills.multi_file_analysis.render import UNSUPPORTED, render
from fanfold.skills.multi_file_analysis.work import Reading, halves, read_units
from fanfold.sources.repo_map.values import RepoMap
from fanfold.testing.examples import target
from fanfold.testing.virtual_time import run_virtual

CODE = "import os\n\n\ndef load(path):\n    with open(path) as file:\n        return file.read()\n"
TARGET = target((), {"a.py": CODE, "b.py": "x = 1\n"}, whole=True)


def said(**fields):
    values = {"statement": "It reads files.", "path": "a.py", "line": 4, "end_line": 6, "quote": "def load(path):"}
    return ReportedNote.model_validate({**values, "relevance": 7, **fields})


def checked(statement="It is so.", **fields):
    values = {"path": "a.py", "line": 1, "end_line": fields.get("line", 1), "quote": "x = 1", "relevance": 0.5}
    return Checked(Note.model_validate({**values, **fields, "statement": statement}), "verified")


def check(**fields):
    return Checker(TARGET).check(said(**fields), "area")


def test_a_note_keeps_its_lines_when_its_quote_is_among_them():
    """A statement may be about a whole function, of which it quotes a line."""
    found = check()
    assert isinstance(found, Checked)
    assert (found.note.line, found.note.end_line, found.status) == (4, 6, "verified")
    assert (found.note.relevance, found.note.area) == (0.7, "area")


def test_a_quote_that_stands_elsewhere_has_the_lines_it_stands_on():
    """The place that was named is wrong, the quote decides; so it is with lines that don't exist."""
    moved, beyond = check(line=1, end_line=1), check(line=400, end_line=900)
    for found in (moved, beyond):
        assert isinstance(found, Checked)
        assert (found.note.line, found.note.end_line, found.status) == (4, 4, "repaired")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"quote": "def save(path):"}, "not-in-file"),
        ({"quote": ""}, "not-in-file"),
        ({"quote": "()"}, "not-in-file"),
        ({"statement": " "}, "not-in-file"),
        ({"path": "c.py"}, "outside-the-target"),
        ({"path": "../a.py"}, "outside-the-target"),
        ({"path": "/etc/passwd"}, "outside-the-target"),
        ({"path": ".fanfold/store.db"}, "outside-the-target"),
    ],
)
def test_a_note_on_what_is_not_there_is_dropped(fields, reason):
    """With the reason."""
    found = check(**fields)
    assert isinstance(found, Dropped)
    assert found.reason == reason


def test_numbers_that_were_copied_with_the_code_do_not_count():
    """A sub-agent sees `LINE| code` and may quote it so."""
    found = check(quote="    4| def load(path):\n    5|     with open(path) as file:")
    assert isinstance(found, Checked)
    assert found.note.quote.startswith("def load(path):\n    with")


@given(st.integers(-5, 10**6), st.integers(-5, 10**6), st.integers(-100, 100), st.text(max_size=40))
def test_every_note_that_stands_stands_in_its_file(line, end_line, relevance, quote):
    """Whatever a worker says: lines exist, the quote is in them, relevance is a share."""
    found = check(line=line, end_line=end_line, relevance=relevance, quote=quote)
    if isinstance(found, Checked):
        lines = CODE.split("\n")
        assert 1 <= found.note.line <= found.note.end_line <= len(lines)
        assert found.note.quote in "\n".join(lines[found.note.line - 1 : found.note.end_line])
        assert 0 <= found.note.relevance <= 1


def test_an_earlier_note_moves_along_with_its_code():
    """And is gone with it."""
    found = check()
    assert isinstance(found, Checked)
    later = Checker(target((), {"a.py": "# new\n# lines\n" + CODE}, whole=True)).again(found.note)
    assert later is not None
    assert (later.note.line, later.note.end_line, later.status) == (6, 8, "repaired")
    assert Checker(target((), {"a.py": CODE.replace("load", "read")}, whole=True)).again(found.note) is None
    assert Checker(target((), {"b.py": CODE}, whole=True)).again(found.note) is None


def test_an_earlier_note_stays_where_its_quote_is_among_its_lines():
    """A quote need not stand on the first of them: they move by as much as it does, and not at all if it doesn't."""
    found = check(quote="return file.read()")
    assert isinstance(found, Checked)
    assert Checker(TARGET).again(found.note) == found
    later = Checker(target((), {"a.py": "# new\n" + CODE}, whole=True)).again(found.note)
    assert later is not None
    assert (later.note.line, later.note.end_line, later.status) == (5, 7, "repaired")
    lines = "x = 1\nload()\ny = 2\nz = 3\nload()\n"
    twice = Checker(target((), {"a.py": lines}, whole=True)).check(said(line=3, end_line=5, quote="load()"), "area")
    assert isinstance(twice, Checked)
    assert (twice.note.line, twice.note.end_line, twice.status) == (3, 5, "verified")


def test_the_same_statement_on_the_same_lines_counts_once():
    """The more relevant one stays; the same lines with another statement stay apart."""
    first, again = checked("It adds prices up.", relevance=0.9), checked("it adds prices up", relevance=0.2)
    other = checked("It ignores discounts.", relevance=0.1)
    assert ranked([again, other, first]) == (first, other)


@given(st.permutations([checked(f"Fact {n} of {n * n}.", line=n, relevance=n / 9) for n in range(1, 9)]))
def test_the_order_of_notes_does_not_depend_on_who_was_first(found):
    """So the ids under which they are cited are the same in every run."""
    assert [one.note.line for one in ranked(found)] == [8, 7, 6, 5, 4, 3, 2, 1]


def test_ids_that_name_no_note_are_counted():
    """Whatever stands in their place."""
    assert known_ids(["N1", " [N2] ", "N1", "3", "N4", "N0", "x", ""], 3) == ([0, 1, 2], 4)


def sentence(text, *notes, states=True):
    return Sentence(text=text, notes=notes, states=states)


def answer(*sentences, kind="paragraph", conflicts=()):
    return SynthesisAnswer(blocks=(Block(kind=kind, sentences=sentences),), contradictions=conflicts, lacking=())


NOTES = (checked(line=1), checked(line=2), checked(line=1))


def test_citations_are_numbered_as_they_are_used():
    """Notes on the same lines are one citation."""
    made = render(answer(sentence("Second.", "N2"), sentence("First and third.", "N1", "N3")), NOTES)
    assert made.answer == "Second [1]. First and third [2]."
    assert [citation.line for citation in made.citations] == [2, 1]
    assert (made.dropped, made.unsupported) == (0, 0)


def test_a_statement_without_a_note_is_marked():
    """So is one that only claims to lead on: what speaks of code states something of it."""
    made = render(answer(sentence("It retries."), sentence("See `retry`.", states=False)), NOTES)
    assert made.answer == f"It retries {UNSUPPORTED}. See `retry` {UNSUPPORTED}."
    assert made.unsupported == 2
    assert render(answer(sentence("In short:", states=False)), NOTES).unsupported == 0
    long = "Whatever anybody may do with it in the course of a day it never fails to end well for all."
    assert render(answer(sentence(long, states=False)), NOTES).unsupported == 1


def test_a_statement_that_loses_its_last_citation_is_removed():
    """No model may cite what isn't there; one that keeps a citation stays."""
    made = render(answer(sentence("Invented.", "N99"), sentence("Half.", "N1", "N99")), NOTES)
    assert made.answer == "Half [1]."
    assert (made.dropped, made.unsupported) == (2, 1)


def test_each_of_several_sentences_has_the_citations():
    """However many a model puts into one; abbreviations and code end none."""
    made = render(answer(sentence("It opens the file, e.g. Reads `a. B`. Then it closes it.", "N1")), NOTES)
    assert made.answer == "It opens the file, e.g. Reads `a. B` [1]. Then it closes it [1]."


def test_ids_in_the_text_are_citations_too():
    """They are for nobody to read."""
    assert render(answer(sentence("It is so (N1, N2).")), NOTES).answer == "It is so [1] [2]."


def test_what_a_model_writes_is_a_sentence_and_no_more():
    """No citation of its own, no link, no HTML, no heading."""
    made = render(answer(sentence("# Look [7] at ![x](http://evil) <script>`<b>[0]`\n\n# two", "N1")), NOTES)
    assert made.answer == "\\# Look \\[7\\] at !\\[x\\](http://evil) \\<script\\>`<b>[0]` # two [1]"


def test_lists_headings_and_quotes():
    """Items follow one another; a quote is the file's, not the model's."""
    notes = (checked(quote="```\nfenced"),)
    blocks = (
        Block(kind="heading", sentences=(sentence("## How"),)),
        Block(kind="item", sentences=(sentence("One.", "N1"),)),
        Block(kind="item", sentences=(sentence("Two.", "N1"),)),
        Block(kind="quote", sentences=(sentence("made up", "N1", "N9"),)),
    )
    made = render(SynthesisAnswer(blocks=blocks, contradictions=(), lacking=()), notes)
    assert made.answer == "## How\n\n- One [1].\n- Two [1].\n\n[1]\n\n````\n```\nfenced\n````"
    assert made.dropped == 1


def test_contradictions_need_two_notes_that_exist():
    """The same ones are put side by side once, whoever saw them."""
    conflicts = (Conflict(about="tax", notes=("N1", "N2")), Conflict(about="x", notes=("N1", "N9")))
    made = render(answer(conflicts=conflicts), NOTES, [Conflict(about="again", notes=("N2", "N1"))])
    assert [(c.about, len(c.notes)) for c in made.contradictions] == [("tax", 2)]
    assert made.dropped == 1


TEXTS = st.text(alphabet=st.sampled_from("aB .!?`[](){}<>#*-1N\n\\_|"), max_size=60)


@given(
    st.lists(st.tuples(TEXTS, st.lists(st.sampled_from(["N1", "N2", "N7", ""]), max_size=3), st.booleans()), max_size=5)
)
def test_an_answer_cites_what_there_is_and_nothing_else(given_sentences):
    """Whatever is said: each number in the answer, outside of code, is a citation; all citations are used."""
    sentences = [Sentence(text=text, notes=tuple(ids), states=states) for text, ids, states in given_sentences]
    made = render(answer(*sentences), NOTES)
    outside = re.sub(r"`[^`]*`", "", made.answer)
    numbers = {int(number) for number in re.findall(r"(?<!\\)\[(\d+)\]", outside)}
    assert numbers == set(range(1, len(made.citations) + 1))


def parts(*tokens):
    return tuple(Part(f"f{n}.py", 1, 100, size, whole=True, content="") for n, size in enumerate(tokens))


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=12).map(lambda sizes: parts(*sizes)))
def test_halves_hold_every_part_once(area):
    """Both have something to read; a file alone is cut between its lines."""
    two = halves(AreaTask(area))
    assert len(two) == 2
    if len(area) > 1:
        assert (*two[0].parts, *two[1].parts) == area
    else:
        (one,), (other,) = two[0].parts, two[1].parts
        assert (one.line, one.end_line + 1, other.end_line) == (1, other.line, 100)


def test_a_few_lines_are_not_halved():
    """It would not help."""
    assert halves(AreaTask((Part("a.py", 1, 12, 90, whole=True, content=""),))) == ()


@given(st.integers(1, 60), st.integers(10, 400))
def test_groups_hold_every_note_once(count, most):
    """In their order, and none is larger than it may be unless one note alone is."""
    items = items_of([checked(f"Fact {n}.", line=n) for n in range(1, count + 1)])
    groups = grouped(items, most)
    assert [one for group in groups for one in group] == list(items)
    assert all(len(group) == 1 or sum(one.tokens for one in group) <= most for group in groups)
    assert fitting(items, 0) == [items[0]]


@dataclass
class Readers:
    """A backend whose workers note a line of each file, and never end on one of these."""

    hanging: str
    name = "readers"
    interactive = False
    most: int | None = None
    notes = ()

    async def close(self): ...

    async def ask(self, spec, attempt):
        attempt.began()
        if self.hanging in spec.task:
            await asyncio.Event().wait()
        return Answered(answer=WorkerAnswer(notes=(said(quote="x = 1", path="b.py", line=1),)))


def test_before_a_deadline_reading_ends():
    """There is time to answer from what was noted, a minute or two; who has not ended then is not split either."""
    areas = [AreaTask((Part(path, 1, 2, 9, whole=True, content=path),), path) for path in ("a.py", "b.py")]
    brief = brief_of("claude-opus-5-5", None, ())
    reading = Reading(TARGET.snapshot, RepoMap({}), brief, shared_context("?", None))

    async def run():
        supervisor = Supervisor(deadline_s=300)
        read = await read_units(reading, reading.units(areas), Checker(TARGET), supervisor, Readers("a.py"))
        return read, supervisor.remaining_s()

    read, left_s = run_virtual(run())
    assert left_s == 120
    assert [(area.label, area.status) for area in read.areas] == [("a.py", "timed_out"), ("b.py", "ok")]
    assert len(read.notes) == 1
