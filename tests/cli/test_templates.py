"""`fanfold templates`: where each comes from, a copy to begin with, every error of one's own; never a surprise."""

from pathlib import Path

import pytest

from fanfold.pack import pack_folder
from fanfold.reports.checking import names_in

SHIPPED = names_in(pack_folder("templates"))
FINDING = "partials/_finding.md.j2"
REPORT = "code-review/report.md.j2"


@pytest.fixture
def own(tmp_path):
    """The user's own folder, which is always searched."""
    return tmp_path / "home" / ".config" / "fanfold" / "templates"


def write(folder, name, text):
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return place


def test_list_says_where_each_comes_from(repository, fanfold, own, tmp_path):
    """The shipped ones; those in the place of them, and of each other; one that nothing will find, and why."""
    listed = fanfold("templates", "list")
    assert [line.split() for line in listed.out.splitlines()] == [[name, "shipped"] for name in SHIPPED]
    write(own, REPORT, "a")
    write(own, "code-reviw/report.md.j2", "a")
    write(tmp_path / "team", REPORT, "a")
    write(tmp_path / "team", "summary.csv.j2", "a")
    told = dict(
        line.split("  ", 1) for line in fanfold("templates", "list", "--templates", tmp_path / "team").out.splitlines()
    )
    told = {name: where.strip() for name, where in told.items()}
    assert told[REPORT] == f"{tmp_path}/team/{REPORT} (in the place of {own}/{REPORT} and the shipped one)"
    assert told["code-reviw/report.md.j2"].endswith(f"(in the place of nothing; did you mean '{REPORT}'?)")
    assert told["summary.csv.j2"].endswith("summary.csv.j2 (your own name)")
    assert told["parallel-test/report.md.j2"] == "shipped"


def test_show_gives_what_a_report_would_use(repository, fanfold, own):
    """Source on stdout, its place on stderr; the original under shipped/."""
    original = (pack_folder("templates") / REPORT).read_text()
    assert fanfold("templates", "show", REPORT).out == original
    place = write(own, REPORT, "mine\n")
    shown = fanfold("templates", "show", REPORT)
    assert (shown.out, shown.err) == ("mine\n", f"fanfold: {place}\n")
    assert fanfold("templates", "show", f"shipped/{REPORT}").out == original
    ended = fanfold("templates", "show", "code-review/report.md")
    assert (ended.code, ended.err) == (
        2,
        f"fanfold: no template 'code-review/report.md'; did you mean '{REPORT}'?\n",
    )


def test_copy_never_overwrites_by_itself(repository, fanfold, own, tmp_path):
    """One or a whole folder, into the user's own or a named one; what is there stays without --force, all of it."""
    assert fanfold("templates", "copy", REPORT).code == 0
    original = (pack_folder("templates") / REPORT).read_text()
    assert (own / REPORT).read_text() == original
    (own / REPORT).write_text("mine")
    for name in (REPORT, "code-review"):
        ended = fanfold("templates", "copy", name)
        assert ended.code == 2
        assert ended.err == f"fanfold: {own / REPORT} is there already; --force writes over it\n"
    assert names_in(own) == [REPORT]
    assert (own / REPORT).read_text() == "mine"
    assert fanfold("templates", "copy", REPORT, "--force").code == 0
    assert (own / REPORT).read_text() == original
    copied = fanfold("templates", "copy", "partials", tmp_path / "new" / "team")
    assert copied.code == 0
    assert names_in(tmp_path / "new" / "team") == [name for name in SHIPPED if name.startswith("partials/")]
    assert copied.err.endswith(f"fanfold: --templates {tmp_path / 'new' / 'team'} takes what is in it\n")
    (tmp_path / "file").write_text("")
    assert fanfold("templates", "copy", REPORT, tmp_path / "file").code == 2


def test_a_copy_renders_as_the_original(repository, fanfold, tmp_path):
    """To copy changes nothing until the copy is changed."""
    fanfold("review", "--analyzer", "ruff", "--format", "json")
    before = fanfold("report").out
    assert fanfold("templates", "copy", "code-review", tmp_path / "mine").code == 0
    assert fanfold("templates", "copy", "partials", tmp_path / "mine").code == 0
    assert fanfold("templates", "check", tmp_path / "mine").code == 0
    assert fanfold("report", "--templates", tmp_path / "mine").out == before


def test_what_ships_is_sound(repository, fanfold):
    """Every shipped template renders with every sample run; the check says what it has looked at."""
    ended = fanfold("templates", "check")
    assert (ended.code, ended.out) == (0, "")
    assert f"{len(SHIPPED)} shipped templates of code-review, parallel-test, multi-file-analysis" in ended.err


def test_check_reports_every_error(repository, fanfold, tmp_path):
    """Of each template, each one with its line and the name that was meant, however many there are; exit 2."""
    mine = tmp_path / "mine"
    write(
        mine,
        REPORT,
        '{% extends "shipped/code-review/report.md.j2" %}\n'
        "lost\n"
        "{% block titel %}x{% endblock %}\n"
        "{% block findings %}\n"
        "{% for f in run | introducd %}\n"
        "{{ f.titel | inlin }} {{ rum }}\n"
        "{{ f.severity | badge(1, 2) }}\n"
        "{{ 1 / 0 }}\n"
        "{% if f is defnied %}{% endif %}\n"
        "{% if f.line > run.units.nope %}{{ f.lines }}{% endif %}\n"
        '{% include "partials/_finding.md" %}\n'
        "{% endfor %}\n"
        "{% if false %}{{ never_set }}{% endif %}\n"
        "{% endblock %}\n",
    )
    write(mine, "parallel-test/report.md.j2", "{% if %}")
    write(mine, "partials/_coverage.md.j2", "{{ run.coverage.plannd }}")
    write(mine, "code-reviw/report.md.j2", "")
    ended = fanfold("templates", "check", mine)
    assert ended.code == 2
    assert ended.out.splitlines() == [
        f"{mine}/code-review/report.md.j2:2: what stands outside of the blocks is not shown",
        f"{mine}/code-review/report.md.j2:3: shipped/{REPORT} has no block 'titel'; did you mean 'title'?",
        f"{mine}/code-review/report.md.j2:5: no filter is called 'introducd'; did you mean 'introduced'?",
        f"{mine}/code-review/report.md.j2:6: a Finding has no 'titel'; did you mean 'title'?",
        f"{mine}/code-review/report.md.j2:6: no filter is called 'inlin'; did you mean 'inline'?",
        f"{mine}/code-review/report.md.j2:6: nothing is called 'rum'; did you mean 'run'?",
        f"{mine}/code-review/report.md.j2:7: badge() takes 1 positional argument but 3 were given",
        f"{mine}/code-review/report.md.j2:8: division by zero",
        f"{mine}/code-review/report.md.j2:9: no test is called 'defnied'; did you mean 'defined'?",
        f"{mine}/code-review/report.md.j2:10: a tuple has no 'nope'",
        f"{mine}/code-review/report.md.j2:11: no template 'partials/_finding.md'; did you mean '{FINDING}'?",
        f"{mine}/code-review/report.md.j2:13: nothing is called 'never_set'",
        f"{mine}/code-reviw/report.md.j2: no report and no partial has this name; did you mean '{REPORT}'?",
        f"{mine}/parallel-test/report.md.j2:1: Expected an expression, got 'end of statement block'",
        f"{mine}/partials/_coverage.md.j2:1: a Coverage has no 'plannd'; did you mean 'planned'?",
    ]
    assert ended.err == "fanfold: 15 errors in 4 templates\n"


@pytest.mark.parametrize(
    "name", ["mine.md.j2", "my-skill/report.md.j2", "my-skill/_part.md.j2", "partials/_mine.md.j2"]
)
@pytest.mark.parametrize("word", ["inlin", "zzzz"])
def test_an_unknown_filter_hides_nothing(repository, fanfold, tmp_path, name, word):
    """What stands before it is checked as well, in whatever skill's report, and what none of the shipped ones shows."""
    text = (
        f"{{{{ run.target.descripton | {word} }}}}{{% for f in run.findings %}}{{{{ f.titel | {word} }}}}{{% endfor %}}"
    )
    write(tmp_path / "mine", name, text)
    said = fanfold("templates", "check", tmp_path / "mine").out
    assert "a TargetRecord has no 'descripton'; did you mean 'description'?" in said
    assert "a Finding has no 'titel'; did you mean 'title'?" in said
    assert f"no filter is called '{word}'" in said


@pytest.mark.parametrize(
    "sound",
    [
        "{{ run.findings | length }}",
        "{{ foo is defined }}{{ bar | default('x') }}",
        "{% macro row(f) %}{{ f.title | inline }}{% endmacro %}{% for f in run.findings %}{{ row(f) }}{% endfor %}",
        "{% set ns = namespace(n=0) %}{% for f in run.findings %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}",
        "{% include 'none.j2' ignore missing %}",
        "{% extends 'shipped/code-review/report.md.j2' %}{% set x = 1 %}{% block title %}{{ x }}{% endblock %}",
        "{% for t in (run | result_of).tests %}{{ t.id | code }}{% endfor %}",
        "{% for f in run.findings if f.titel is defined %}{{ f.titel }}{% endfor %}",
    ],
)
def test_check_has_nothing_against_what_is_sound(repository, fanfold, tmp_path, sound):
    """Guards, macros, includes that may be missing; a template that is meant for the runs of one skill."""
    write(tmp_path / "mine", "summary.md.j2", sound)
    ended = fanfold("templates", "check", tmp_path / "mine")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.startswith("fanfold: 1 template rendered with ")


def test_a_name_of_ones_own_is_no_slip(repository, fanfold, tmp_path):
    """A skill of one's own, a further report of a shipped one; what is nearly a shipped name is meant to be it."""
    mine = tmp_path / "mine"
    write(mine, "line-count/report.md.j2", "{{ run.result }}")
    write(mine, "code-review/report.csv.j2", "{{ run.id }}")
    assert fanfold("templates", "check", mine).code == 0
    write(mine, "code-review/reprot.md.j2", "")
    write(mine, "partial/_finding.md.j2", "")
    assert fanfold("templates", "check", mine).out.splitlines() == [
        f"{mine}/code-review/reprot.md.j2: no report and no partial has this name; did you mean '{REPORT}'?",
        f"{mine}/partial/_finding.md.j2: no report and no partial has this name; did you mean '{FINDING}'?",
    ]


def test_a_check_of_nothing_is_an_error(repository, fanfold, tmp_path):
    """A folder that is not there, or has no template in it."""
    (tmp_path / "none").mkdir()
    for folder, says in ((tmp_path / "none", "no template in it"), (tmp_path / "nowhere", "no such folder")):
        ended = fanfold("templates", "check", folder)
        assert ended.code == 2
        assert says in ended.err


@pytest.mark.parametrize(
    ("source", "says"),
    [(b"x\n\xff", "2: it is not UTF-8"), (b"{% if %}", "1: Expected an expression, got 'end of statement block'")],
)
def test_a_part_that_can_not_be_read_hides_nothing(repository, fanfold, tmp_path, source, says):
    """It is named itself, once, and not the shipped report that includes it; what stands behind it is checked."""
    mine = tmp_path / "mine"
    part = write(mine, "partials/_coverage.md.j2", "")
    part.write_bytes(source)
    write(mine, "partials/_metrics.md.j2", "{{ run.timing.wal_s | duration }} {{ run.usage.cost | money }}")
    ended = fanfold("templates", "check", mine)
    assert ended.code == 2
    assert ended.out.splitlines() == [
        f"{part}:{says}",
        f"{mine}/partials/_metrics.md.j2:1: a Timing has no 'wal_s'; did you mean 'wall_s'?",
        f"{mine}/partials/_metrics.md.j2:1: a Usage has no 'cost'; did you mean 'cost_usd'?",
    ]
    assert f"{part}:{says}" in fanfold("review", "--backend", "none", "--templates", mine).err


HEADER = '{% extends "shipped/code-review/report.md.j2" %}{% block title %}# OWN\n\n{% endblock %}'


def test_the_search_order(repository, fanfold, own, tmp_path, monkeypatch):
    """--template, --templates, configuration, the user's folder, what ships: the same name wins in this order."""
    fanfold("review", "--analyzer", "ruff", "--format", "json")

    def first(*arguments):
        return fanfold("report", *arguments).out.splitlines()[0]

    assert first().startswith("# Code review")
    write(own, REPORT, HEADER.replace("OWN", "home"))
    assert first() == "# home"
    write(tmp_path / "conf" / "t", REPORT, HEADER.replace("OWN", "configured"))
    write(tmp_path / "conf", "fanfold.toml", 'templates = "t"\nmax-cost = 1.5\n')
    assert first("--config", tmp_path / "conf" / "fanfold.toml") == "# configured"
    write(tmp_path / "env", REPORT, HEADER.replace("OWN", "variable"))
    with monkeypatch.context() as patch:
        patch.setenv("FANFOLD_TEMPLATES", str(tmp_path / "env"))
        assert first("--config", tmp_path / "conf" / "fanfold.toml") == "# variable"
    write(tmp_path / "team", REPORT, HEADER.replace("OWN", "team"))
    assert first("--config", tmp_path / "conf" / "fanfold.toml", "--templates", tmp_path / "team") == "# team"
    file = write(tmp_path, "one.md.j2", "# file")
    assert first("--templates", tmp_path / "team", "--template", file) == "# file"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert first().startswith("# Code review")
    write(tmp_path / "xdg" / "fanfold" / "templates", REPORT, HEADER.replace("OWN", "xdg"))
    assert first() == "# xdg"


def test_a_repository_brings_no_templates(repository, fanfold, monkeypatch, tmp_path):
    """Neither by its configuration nor by folders that lie in the right place, nor beside a file that was named."""
    fanfold("review", "--analyzer", "ruff", "--format", "json")
    plain = fanfold("report").out
    for folder in (".", "templates", ".config/fanfold/templates", "fanfold/templates"):
        write(repository.root / folder, REPORT, "taken over")
        write(repository.root / folder, "partials/_finding.md.j2", "taken over")
    repository.write("fanfold.toml", 'templates = "templates"\n')
    monkeypatch.setenv("XDG_CONFIG_HOME", ".")
    ended = fanfold("report")
    assert ended.out == plain
    assert "'templates' is only taken from a file that you name" in ended.err
    repository.write("mine.md.j2", '{% extends "code-review/report.md.j2" %}')
    assert fanfold("report", "--template", "mine.md.j2").out == plain
    repository.write("mine.md.j2", '{% include "beside.md.j2" %}')
    repository.write("beside.md.j2", "beside")
    assert fanfold("report", "--template", "mine.md.j2").out == "beside\n"


def test_a_key_that_no_command_knows_is_an_error_here_too(repository, fanfold, tmp_path):
    """Those of other commands are passed over; a slip is said."""
    config = write(tmp_path, "c.toml", 'aspects = ["security"]\n[test]\njobs = 2\n')
    assert fanfold("templates", "list", "--config", config).code == 0
    config.write_text('templtaes = "x"\n')
    ended = fanfold("templates", "list", "--config", config)
    assert ended.code == 2
    assert "unknown key 'templtaes'; did you mean 'templates'?" in ended.err


def test_without_a_home_nothing_is_searched_there(repository, fanfold, monkeypatch):
    """A container's user may have none."""

    def none():
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", none)
    assert fanfold("templates", "list").code == 0
    ended = fanfold("templates", "copy", REPORT)
    assert (ended.code, ended.err) == (2, "fanfold: there is no home folder to copy to: name a DIR\n")


def test_a_folder_that_replaces_nothing_is_refused(repository, fanfold, tmp_path):
    """Misspelt names would leave the shipped report, without a word; beside --template they may be its parts."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "code-review.md.j2").write_text("{% include 'part.j2' %}")
    (own / "part.j2").write_text("mine\n")
    refused = fanfold("review", "--backend", "none", "--templates", str(own))
    assert (refused.code, refused.out) == (2, "")
    assert f"--templates {own}: nothing in it has the name of a template" in refused.err
    taken = fanfold(
        "review", "--backend", "none", "--templates", str(own), "--template", str(own / "code-review.md.j2")
    )
    assert taken.out == "mine\n"


def test_what_stands_in_for_a_filter_is_no_fault(fanfold, tmp_path):
    """A misspelt filter is one error, whatever the one that it was taken for makes of the value."""
    write(tmp_path, REPORT, "{{ run.skill | badgee }}\n{{ run.skill | badge }}\n")
    told = fanfold("templates", "check", str(tmp_path)).out.splitlines()
    assert [line.partition("report.md.j2:")[2] for line in told] == [
        "1: no filter is called 'badgee'; did you mean 'badge'?",
        "2: 'code-review' is no value that is known here",
    ]
