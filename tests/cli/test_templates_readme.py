"""templates/README.md is true: what it names is there, what is there is named, and its examples run."""

import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from jinja2 import meta, nodes

from fanfold import models
from fanfold.reports.checking import names_in
from fanfold.reports.filters import FILTERS
from fanfold.reports.formats import MOST, TEMPLATED
from fanfold.reports.page import PAGE_FILTERS
from fanfold.reports.samples import SAMPLED
from fanfold.reports.templates import environment_of

ROOT = Path(__file__).resolve().parents[2] / "templates"
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
ENVIRONMENT = environment_of(None, [])


def section(title):
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(title):
    """The rows of a section's table: what is in code in each cell."""
    both = pairwise([*section(title).splitlines(), ""])
    lines = [line for line, after in both if line.startswith("| ") and not after.startswith("|---")]
    return [[re.findall(r"`([^`]+)`", cell) for cell in line.strip("| ").split(" | ")] for line in lines]


def tree(name):
    return ENVIRONMENT.parse((ROOT / name).read_text(encoding="utf-8"))


def blocks(name):
    return [block.name for block in tree(name).find_all(nodes.Block)]


def test_blocks():
    """Each report's, in their order; those of the formats that extend it."""
    documented = {name[0]: named for name, named in rows("Blocks")}
    assert documented == {f"{skill}/report.md.j2": blocks(f"{skill}/report.md.j2") for skill in sorted(SAMPLED)}
    for skill in SAMPLED:
        own = set(documented[f"{skill}/report.md.j2"])
        assert set(blocks(f"{skill}/report.job-summary.md.j2")) <= own
        assert set(blocks(f"{skill}/report.pr-comment.md.j2")) <= {*own, "marker"}
        assert "marker" in blocks(f"{skill}/report.pr-comment.md.j2")


def needs(name):
    """What a partial takes from whoever includes it: a name that is given to it before it is set in it."""
    parsed = tree(name)
    own = {node.name for node in parsed.find_all(nodes.Name) if node.ctx == "store"}
    return sorted(meta.find_undeclared_variables(parsed) - own - {"run", "events"})


def test_partials():
    """Each of them, and which variables it takes, as the template itself has it."""
    documented = {name: sorted(takes) for names, takes in rows("Partials") for name in names}
    shipped = [name for name in names_in(ROOT) if name.startswith("partials/_")]
    assert documented == {name: needs(name) for name in shipped}


def test_filters():
    """All of them, markdown's and HTML's, and none that is not there."""
    named = {name.split("(")[0] for title in ("Filters", "HTML") for row in rows(title) for name in row[0]}
    assert named == {*FILTERS, *PAGE_FILTERS}
    first = [row[0][0].split("(")[0] for row in rows("Filters")][:8]
    assert first == ["inline", "cell", "prose", "code", "fenced", "html_text", "csv", "one_line"]


def test_formats():
    """Each format of a template, its file, and how large it gets."""
    documented = {row[0][0]: row[1][0] for row in rows("Formats")}
    assert documented == {name: f"report.{ending}.j2" for name, ending in TEMPLATED.items()}
    assert f"{MOST['pr-comment']:,} bytes" in section("Formats")
    assert MOST["job-summary"] == 2**20
    for skill in SAMPLED:
        for file in documented.values():
            assert (ROOT / skill / file).exists()


def properties(model):
    return {name for name, value in vars(model).items() if isinstance(value, property)}


def test_the_context():
    """Every field of a run, of a finding, and of what a row of the table spells out."""
    table = {name: held for names, held in rows("The context") for name in names}
    assert set(table) == set(models.Run.model_fields)
    parts: dict[str, Any] = {"target": models.TargetRecord, "coverage": models.Coverage, "units": models.UnitRecord}
    parts |= {"dropped": models.Dropped, "usage": models.Usage, "timing": models.Timing}
    for name, model in parts.items():
        assert set(table[name]) == {*model.model_fields, *properties(model)}, name
    (finding,) = re.findall(r"^A finding has (.*)\.$", section("The context"), re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", finding)) == {*models.Finding.model_fields, *properties(models.Finding)}


# -- the examples, by the command line


EXAMPLE = re.compile(r"`([\w/.-]+\.j2)`:\n\n```jinja\n(.*?)```\n\n```\n(fanfold .*?)\n```", re.DOTALL)
EXAMPLES = {name: (source, command) for name, source, command in EXAMPLE.findall(section("Three examples"))}


@pytest.fixture
def examples(repository, fanfold):
    """Write an example's template, run its command on a saved review, and return what became of it."""
    fanfold("review", "--analyzer", "ruff", "--format", "json")

    def run(name):
        source, command = EXAMPLES[name]
        place = repository.root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(source)
        ended = fanfold(*shlex.split(command)[1:])
        assert ended.code == 0, ended.err
        return ended.out

    return run


def test_there_are_three_examples():
    """A test that finds none would hold for ever."""
    assert list(EXAMPLES) == [
        "my-templates/code-review/report.md.j2",
        "my-templates/partials/_finding.md.j2",
        "findings.csv.j2",
    ]


def test_the_company_header(examples, fanfold):
    """It stands in the title's place; the rest is as it was."""
    plain = fanfold("report").out
    own = examples("my-templates/code-review/report.md.j2")
    assert own.startswith("# ACME · review of uncommitted changes (1 file)\n\nPolicy: ")
    assert own.split("\n\n", 2)[2] == plain.split("\n\n", 1)[1]


def test_the_checklist(examples, fanfold, repository):
    """After each finding, with a link to its lines."""
    assert examples("my-templates/partials/_finding.md.j2") == ""
    text = (repository.root / "review.md").read_text()
    found = fanfold("report", "--format", "json").run["findings"]
    assert len(found) >= 2
    for finding in found:
        at = f"[`app.py:{finding['line']}`](https://github.com/acme/shop/blob/main/app.py#L{finding['line']})"
        assert f"- [ ] read by a second person, at {at}\n- [ ] mended, or `fanfold dismiss {finding['id']}`\n" in text


def test_the_csv(examples, fanfold, repository):
    """A line for each finding, as the standard library's reader takes it."""
    import csv

    assert examples("findings.csv.j2") == ""
    with (repository.root / "findings.csv").open(newline="") as file:
        head, *lines = csv.reader(file)
    assert head == ["severity", "file", "line", "title", "sources"]
    found = fanfold("report", "--format", "json").run["findings"]
    assert [line[:4] for line in lines] == [[f["severity"], f["path"], str(f["line"]), f["title"]] for f in found]


def test_the_examples_hold_for_every_run(examples, fanfold):
    """For an empty, a partial and a hostile one as well."""
    for name in EXAMPLES:
        examples(name)
    assert fanfold("templates", "check", "my-templates").code == 0
    assert fanfold("templates", "check", ".").code == 0
