"""Duplicates become one; different things stay apart."""

from hypothesis import given
from hypothesis import strategies as st

from fanfold.models import Finding, Occurrence, Severity
from fanfold.skills.code_review.fold import fold
from fanfold.skills.code_review.merge import merge, same

TITLES = [
    "SQL injection through name",
    "SQL injection via the name",
    "Slow loop over users",
    "Unused variable",
    "",
]


def finding(**fields):
    values = {
        "path": "a.py",
        "line": 3,
        "end_line": 3,
        "aspect": "security",
        "severity": Severity.MEDIUM,
        "confidence": 0.5,
        "title": "SQL injection through name",
        "quote": "q",
        "sources": ("security",),
    }
    return Finding(**{**values, **fields})


@st.composite
def findings(draw):
    line = draw(st.integers(1, 12))
    return finding(
        path=draw(st.sampled_from(["a.py", "b.py"])),
        line=line,
        end_line=line + draw(st.integers(0, 4)),
        severity=draw(st.sampled_from(Severity)),
        confidence=draw(st.sampled_from([0.3, 0.5, 0.9])),
        title=draw(st.sampled_from(TITLES)),
        mechanism=draw(st.sampled_from(["", "sql-injection", "bandit-608"])),
        sources=tuple(
            sorted(draw(st.sets(st.sampled_from(["security", "style", "ruff:S608", "bandit:B608"]), min_size=1)))
        ),
        introduced=draw(st.booleans()),
        suggestion=draw(st.sampled_from([None, "x = 1"])),
    )


MANY = st.lists(findings(), max_size=12)


@given(MANY)
def test_merging_is_idempotent(found):
    """Merging what was merged changes nothing."""
    once = merge(found)
    assert merge(once.findings).findings == once.findings
    assert merge(once.findings).duplicates == ()


@given(MANY, st.randoms(use_true_random=False))
def test_order_does_not_matter(found, random):
    """Any order of arrival gives the same result."""
    shuffled = list(found)
    random.shuffle(shuffled)
    assert merge(shuffled).findings == merge(found).findings


@given(MANY)
def test_files_stay_apart_and_nothing_is_lost(found):
    """Each file keeps its worst severity and all its sources; each duplicate names what it went into."""
    merged = merge(found)
    for path in ("a.py", "b.py"):
        before = [f for f in found if f.path == path]
        after = [f for f in merged.findings if f.path == path]
        assert bool(before) == bool(after)
        assert max((f.severity.rank for f in before), default=0) == max((f.severity.rank for f in after), default=0)
        assert {s for f in before for s in f.sources} == {s for f in after for s in f.sources}
    assert len(merged.findings) + len(merged.duplicates) == len(found)
    for loser, winner in merged.duplicates:
        assert winner in merged.findings
        assert loser.path == winner.path
        assert loser.severity.rank <= winner.severity.rank


def test_two_aspects_that_name_the_same_mechanism_are_one():
    """The merged finding names both sources."""
    a = finding(mechanism="sql-injection", title="Name reaches the query")
    b = finding(mechanism="sql-injection", title="Unescaped input", aspect="correctness", sources=("correctness",))
    (one,) = merge([a, b]).findings
    assert one.sources == ("correctness", "security")


def test_a_finding_that_cites_an_analyzer_result_joins_it():
    """The shared rule is enough, whatever the words."""
    a = finding(sources=("ruff:S608",), title="Possible SQL injection vector", mechanism="bandit-608")
    b = finding(sources=("ruff:S608", "security"), title="An attacker can read every order", mechanism="sql-injection")
    assert len(merge([a, b]).findings) == 1


def test_when_in_doubt_two_stay_two():
    """The same line with different faults, and the same words on lines apart, are two findings."""
    assert not same(finding(), finding(title="Result is never closed"))
    assert not same(finding(), finding(line=40, end_line=40))
    assert not same(finding(), finding(path="b.py"))


def test_one_rule_on_two_lines_is_two_findings():
    """A complex function inside of a complex function: the lines overlap, the reports don't mean the same."""
    outer = finding(line=1, end_line=60, sources=("complexity:lizard",), mechanism="complex", title="outer")
    inner = finding(line=10, end_line=40, sources=("complexity:lizard",), mechanism="complex", title="inner")
    assert len(merge([outer, inner]).findings) == 2


def test_a_secret_stays_out_of_the_merged_quote():
    """The scan's masked quote wins over a stronger finding's whole line."""
    scan = finding(sources=("secrets:token",), quote='KEY = "', mechanism="hardcoded-secret")
    agent = finding(severity=Severity.CRITICAL, quote='KEY = "s3cr3t"', mechanism="hardcoded-secret")
    (one,) = merge([scan, agent]).findings
    assert one.quote == 'KEY = "'
    assert one.severity is Severity.CRITICAL


def test_many_duplicates_on_one_line_become_one():
    """Five hundred reports of one fault are one finding."""
    found = [finding(explanation=f"told {n} times") for n in range(500)]
    assert len(merge(found).findings) == 1


def test_a_reader_who_takes_up_an_analyzers_line_means_its_finding():
    """The same code for the same aspect, in other words: one finding, told in the reader's."""
    rule = finding(sources=("bandit:B602",), mechanism="shell", title="`shell=True` identified", confidence=0.9)
    said = finding(mechanism="command-injection", title="The path goes into a command as it is")
    (one,) = merge([rule, said]).findings
    assert (one.title, one.sources) == (said.title, ("bandit:B602", "security"))
    for other in ({"aspect": "correctness"}, {"quote": "another"}):
        assert not same(rule, said.model_copy(update=other))
    assert not same(said, said.model_copy(update={"mechanism": "x", "title": "Something else"}))


def test_what_a_rule_names_is_told_apart():
    """Undefined names are findings of their own, on one line too; one name in two places is one finding."""
    places = [("kw", 3), ("row", 5), ("rate", 5), ("kw", 9)]
    rule = {"mechanism": "undefined-name", "sources": ("ruff:F821",)}
    found = [
        finding(line=line, end_line=line, title=f"Undefined name `{name}`", quote=name, **rule) for name, line in places
    ]
    shown = {f.title: [place.line for place in f.also] for f in fold(found, [], []).findings}
    assert shown == {"Undefined name `kw`": [9], "Undefined name `row`": [], "Undefined name `rate`": []}


def test_two_analyzers_share_a_name_and_not_a_line():
    """What two report of one name is one finding, what they report of two names in one line is two."""
    sources = [("ruff:F821",), ("contracts:lost-name",)]
    found = [
        finding(title=f"Undefined name `{name}`{more}", mechanism="undefined-name", sources=source)
        for name in ("os", "helper")
        for source, more in zip(sources, ("", ": this change removes `it`"), strict=True)
    ]
    assert [len(f.sources) for f in merge(found).findings] == [2, 2]


def test_what_the_weaker_one_knew_besides_is_kept():
    """Its other places and its notes go into the one that stays."""
    also = (Occurrence(path="b.py", line=3, end_line=3, quote="f(1)"),)
    weak = finding(sources=("contracts:signature",), also=also, notes=("It is called elsewhere.",))
    (one,) = merge([finding(severity=Severity.HIGH), weak]).findings
    assert one.also == also
    assert one.notes == ("It is called elsewhere.",)


def secret(digest, **fields):
    told = {"quote": "KEY = [a secret, not shown]", "mechanism": "hardcoded-secret", "sources": ("secrets:token",)}
    return finding(**{"title": "A secret stands in the source: token", "digest": digest, **told, **fields})


@given(st.permutations([secret("1"), secret("2"), secret("", sources=("security",))]))
def test_two_secrets_on_a_line_stay_two(found):
    """Masks look alike and digests do not; a reader, who can't tell them apart, joins one and does not join the two."""
    merged = merge(found).findings
    assert [one.digest for one in merged] == ["1", "2"]
    assert sorted(len(one.sources) for one in merged) == [1, 2]
    assert merge(merged).findings == merged


def test_the_places_of_one_secret_are_one_finding():
    """One value in two files is one finding with two places; another value is a finding of its own."""
    folded = fold([secret("1"), secret("1", path="b.py"), secret("2", path="c.py")], [], [])
    assert [(one.path, [place.path for place in one.also]) for one in folded.findings] == [
        ("a.py", ["b.py"]),
        ("c.py", []),
    ]
    assert len({one.fingerprint for one in fold([secret("1"), secret("2")], [], []).findings}) == 2
