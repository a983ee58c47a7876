"""The documentation is true: every command line in it is understood by the real command line."""

import re
import shlex
from pathlib import Path

import click
import pytest

from fanfold.cli import COMMANDS, cli

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    "README.md",
    "templates/README.md",
    *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("skills/*/SKILL.md")),
    *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("skills/*/references/*.md")),
]
_FENCE = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`((?:bin/)?fanfold [^`\n]+)`")
_START = re.compile(r"^\s*(?:\$ )?((?:bin/)?fanfold |python3 scripts/code_review\.py)(.*)$", re.MULTILINE)


def command_lines(document: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    spans = [match[1] for match in _SPAN.finditer(text)]
    fenced = ["".join(match.groups()) for block in _FENCE.finditer(text) for match in _START.finditer(block[1])]
    return [re.sub(r"\s>>?\s.*", "", line.split("  #")[0]).strip() for line in (*spans, *fenced)]


LINES = [(document, line) for document in DOCUMENTS for line in command_lines(document)]


def test_there_are_lines_to_check():
    """A check that looked at nothing would pass for ever."""
    assert len(LINES) > 10
    assert {document for document, _ in LINES} == set(DOCUMENTS)


@pytest.mark.parametrize(("document", "line"), LINES)
def test_each_command_line_parses(document, line, monkeypatch, tmp_path):
    """Options, values and commands exist; nothing is run."""
    monkeypatch.chdir(tmp_path)
    arguments = shlex.split(line)[1:]
    if arguments[:1] == ["scripts/code_review.py"]:
        arguments[0] = "review"
    if not arguments or arguments[0].startswith("-"):
        return
    assert arguments[0] in COMMANDS, line
    context = click.Context(cli, info_name="fanfold")
    _, command, rest = cli.resolve_command(context, arguments)
    assert command is not None
    if "--help" not in rest:
        command.make_context(command.name, [a for a in rest if a != "…"], parent=context)


def test_what_the_readme_explains_is_said():
    """Each message of its table, but for names and numbers, stands in the program or in a template."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.split("| what is said | what it means, what to do |")[1].split("\n\n")[0]
    said = [quoted for row in table.splitlines()[2:] for quoted in re.findall(r"`([^`]+)`", row.split(" | ")[0])]
    assert len(said) >= 6
    places = (*(ROOT / "scripts").rglob("*.py"), *(ROOT / "templates").rglob("*.j2"))
    program = re.sub(r'"\s*f?"', "", " ".join(path.read_text(encoding="utf-8") for path in places))
    pieces = [piece.strip() for message in said for piece in re.split(r"[$…\d]+(?: s\b)?| of | units ", message)]
    assert [piece for piece in pieces if len(piece) > len("fits") and piece not in program] == []


@pytest.mark.parametrize("document", [*DOCUMENTS, "CONTRIBUTING.md"])
def test_nobody_is_sent_to_an_index_for_the_pack(document):
    """A name that is on no index is free for anybody to take: the pack is installed from a checkout."""
    assert not re.search(r"install\s+(?:-\S+\s+)*[\"']?fanfold\b(?!@)", (ROOT / document).read_text(encoding="utf-8"))


def test_the_skill_of_ones_own_runs(monkeypatch, tmp_path, capsys):
    """The README's program, as it stands there, in a folder with the files that it names."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "README.md").write_text("one\ntwo\n")
    (tmp_path / "LICENSE").write_text("one\n")
    exec(compile(program, "README.md", "exec"), {})  # noqa: S102  it is this repository's own
    assert capsys.readouterr().out.startswith(
        "# 3 lines in 2 files\n\n- `README.md`: 2 lines\n- `LICENSE`: 1 line\n\n"
        "**Incomplete: 2 of 3 units covered**: README.md, LICENSE. Missing:\n\n- missing.txt — "
    )
