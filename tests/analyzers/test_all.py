"""What holds for every analyzer, whatever the files, the repository or its own program do."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fanfold.analyzers import ANALYZERS, load
from fanfold.analyzers.bandit import BANDIT
from fanfold.analyzers.base import Analysis, AnalyzerRequest
from fanfold.analyzers.complexity import COMPLEXITY
from fanfold.analyzers.ruff import RUFF
from fanfold.analyzers.secrets import SECRETS
from fanfold.errors import ConfigError, WorkerError
from fanfold.models import Verdict
from fanfold.pack import how_to_install
from fanfold.sources.anchors import FileText
from fanfold.sources.secrets import mask
from fanfold.sources.text import decode

if TYPE_CHECKING:
    from .conftest import Analyze, Tree

SAFE = ("ruff", "bandit", "secrets", "complexity")
COMPLEX = "def knot(x):\n" + "".join(f"    if x == {n}:\n        return {n}\n" for n in range(20))
TOKEN = "ghp_" + "m995ytbxAk7jqevt0MLaMRTvetw0tESulEET"
FAULTY = f"import pickle\n\nprint(undefined, pickle.loads(b''))\nTOKEN = '{TOKEN}'\n\n\n{COMPLEX}"


@pytest.mark.parametrize("name", ANALYZERS)
def test_every_analyzer_loads(name: str) -> None:
    """Each name stands for an analyzer of that name which says what it is without starting a process."""
    analyzer = load(name)
    assert analyzer.name == name
    assert analyzer.version()
    assert analyzer.wants("a.py")
    assert not analyzer.wants("photo.png")
    assert analyzer.runs_repository_code is (name == "mypy")


def test_an_unknown_analyzer_lists_those_there_are() -> None:
    """A misspelled name is a configuration error that shows the right ones."""
    with pytest.raises(ConfigError, match=r"no analyzer 'rufff': choose from ruff, bandit, secrets"):
        load("rufff")


@pytest.mark.parametrize("name", SAFE)
def test_availability_and_version_start_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is installed is known from its metadata."""
    monkeypatch.setattr("subprocess.Popen", None)
    assert load(name).unavailable() is None
    assert load(name).version().split()[0][0].isdigit()


@pytest.mark.parametrize("name", SAFE)
def test_a_missing_program_is_told_from_a_present_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its distribution an analyzer is unavailable, and says what to install."""
    monkeypatch.setattr("sys.path", [])
    reason = load(name).unavailable()
    assert reason is not None
    assert how_to_install("analyzers") in reason


@pytest.mark.parametrize("name", SAFE)
@pytest.mark.parametrize("paths", [[], ["gone.py"], ["empty.py"], ["../outside.py", "/etc/passwd"]])
def test_nothing_to_look_at_is_no_failure(name: str, paths: list[str], tree: Tree, analyze: Analyze) -> None:
    """No files, missing, empty or foreign ones give an empty analysis."""
    root = tree({"empty.py": ""})
    (root.parent / "outside.py").write_text(FAULTY)
    assert analyze(name, root, paths, before=root) == Analysis()


@pytest.mark.parametrize("name", SAFE)
def test_findings_keep_the_spelling_of_their_files(name: str, tree: Tree, analyze: Analyze) -> None:
    """Spaces, quotes, newlines, dashes, at signs, other scripts and bytes that are no text come back as given."""
    names = ["a b.py", 'it\'s "q".py', "new\nline.py", "-rf.py", "@args.py", "文/é.py", "a,b;c*.py", "{x}.py"]
    root = tree(dict.fromkeys(names, FAULTY) | {os.fsdecode(b"caf\xe9.py"): FAULTY})
    analysis = analyze(name, root, [*names, r"caf\xe9.py"])
    assert {finding.path for finding in analysis.findings} == {*names, r"caf\xe9.py"}
    assert analysis.notes == ()
    Analysis.model_validate_json(analysis.model_dump_json())


ODD: dict[str, bytes] = {
    "bom.py": b"\xef\xbb\xbf" + FAULTY.encode(),
    "crlf.py": FAULTY.replace("\n", "\r\n").encode(),
    "cr.py": FAULTY.replace("\n", "\r").encode(),
    "formfeed.py": b"x = 1\f\ny = '\xe2\x80\xa8\xc2\x85'\n" + FAULTY.encode(),
    "latin1.py": b"x = 'caf\xe9'\n" + FAULTY.encode(),
    "cookie.py": b"# -*- coding: latin-1 -*-\nx = 'caf\xe9'\n" + FAULTY.encode(),
    "nul.py": b"x = 1\0\n" + FAULTY.encode(),
    "blank.py": b"\n\n   \n",
    "long.py": b"x = '" + b"a" * 2_000_000 + b"'\n" + FAULTY.encode(),
    "unclosed.py": b"x = (1,\n\n\n",
    "half.py": b"def f(:\n    pass\n",
    "brackets.py": b"x = " + b"(" * 5_000 + b")" * 5_000,
    "minus.py": b"x = " + b"-" * 50_000 + b"1\n",
    "sum.py": b"x = " + b"+".join([b"1"] * 50_000) + b"\n",
    "calls.py": b"x = a" + b".b()" * 20_000 + b"\n",
    "nested.js": b"function f(){" * 3_000 + b"}" * 3_000,
}


@pytest.mark.parametrize("name", SAFE)
def test_odd_files_cost_no_others(name: str, tree: Tree, analyze: Analyze) -> None:
    """Beside files of every broken kind a plain one is looked at, and every finding can be found again."""
    root = tree({**ODD, "plain.py": FAULTY})
    analysis = analyze(name, root)
    assert "plain.py" in {finding.path for finding in analysis.findings}
    for finding in analysis.findings:
        masked = mask(decode((root / finding.path).read_bytes()) or "")  # as sub-agents see it
        place = FileText(masked).locate(finding.quote, finding.line)
        assert place is not None
        assert place.line == finding.line
        assert finding.end_line >= finding.line
        assert finding.verdict is Verdict.PLAUSIBLE
        assert "\n" not in finding.title + finding.quote
        assert all(source.startswith(f"{name}:") for source in finding.sources)


@pytest.mark.parametrize("name", SAFE)
def test_a_hostile_repository_runs_nothing(
    name: str, tree: Tree, analyze: Analyze, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The repository's modules, start-up hooks, programs and configuration are data, even from inside of it."""
    mark = tmp_path / "ran"
    module = f"open({str(mark)!r}, 'a').write(__name__)\n"
    names = ["bandit", "ruff", "lizard", "kingfisher_sdk", "yaml", "stevedore", "rich", "json", "typing", "asyncio"]
    names += ["sitecustomize", "usercustomize", "pydantic", "fanfold", "secrets_child", "complexity_child"]
    files: dict[str, str | bytes] = {f"{module_name}.py": module for module_name in names}
    files |= {f"{module_name}/__init__.py": module for module_name in names}
    files |= {
        ".bandit": "[bandit]\ntargets: /\nplugins: evil\n",
        ".secrets.baseline": f'{{"plugins_used": [{{"name": "X", "path": "file://{tmp_path}/tree/evil.py"}}]}}',
        "evil.py": module,
        "evil.pth": f"import os; {module}",
        "ruff-99.dist-info/METADATA": "Name: ruff\nVersion: 99\n",
        "pkg/plain.py": FAULTY,
    }
    root = tree(files)
    for program in ("ruff", "bandit", "python", "python3"):
        (root / program).with_suffix(".sh").write_text(f"#!/bin/sh\necho $0 >> {mark}\n")
        (root / "bin").mkdir(exist_ok=True)
        (root / "bin" / program).symlink_to(root / f"{program}.sh")
        (root / f"{program}.sh").chmod(0o755)
    monkeypatch.chdir(root)
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.setenv("PATH", f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONSTARTUP", str(root / "evil.py"))
    monkeypatch.setattr("sys.path", ["", str(root), *sys.path])
    analysis = analyze(name, root)
    assert "pkg/plain.py" in {finding.path for finding in analysis.findings}
    assert not mark.exists()
    assert load(name).version().split()[0] != "99"


@pytest.mark.parametrize("name", SAFE)
def test_nothing_is_written_into_the_repository(name: str, tree: Tree, analyze: Analyze) -> None:
    """No cache, report or compiled file is left behind."""
    root = tree({"a.py": FAULTY, "pyproject.toml": "[tool.ruff]\n"})
    before = sorted(root.rglob("*"))
    analyze(name, root, before=root)
    assert sorted(root.rglob("*")) == before


def fake(analyzer: Any, tmp_path: Path, script: str) -> Any:
    """Give an analyzer another program."""
    (tmp_path / "fake.py").write_text(script)
    return replace(analyzer, command=(sys.executable, str(tmp_path / "fake.py")))


BROKEN = {
    "garbage": ("print('<html>Sorry!</html>')", WorkerError, "read"),
    "nothing": ("pass", WorkerError, "read"),
    "other JSON": ("print('{\"a\": 1}')", WorkerError, "read"),
    "cut JSON": ("print('[[[')", WorkerError, "read"),
    "traceback": ("import sys; sys.exit('ImportError: no module named x')", WorkerError, "no module named x"),
    "crash": ("import os; os.abort()", WorkerError, "signal 6 on a.py"),
    "hang": ("import time; time.sleep(1000)", TimeoutError, "did not end within 0.1 s"),
}


@pytest.mark.parametrize("analyzer", [RUFF, BANDIT, SECRETS, COMPLEXITY], ids=SAFE)
@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_program_is_one_clear_line(
    analyzer: Any, case: str, tree: Tree, analyze: Analyze, tmp_path: Path
) -> None:
    """Whatever the program does instead of its work is one error that names it, or a note on the file."""
    script, error, says = BROKEN[case]
    root = tree({"a.py": FAULTY})
    broken = fake(analyzer, tmp_path, script)
    if case == "crash":
        assert says in analyze(broken, root).notes[0]
        return
    with pytest.raises(error, match=says) as caught:
        analyze(broken, root, timeout_s=0.1 if case == "hang" else 60)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(analyzer.name)


def test_a_flood_of_output_is_an_error(tree: Tree, analyze: Analyze, tmp_path: Path) -> None:
    """A program that prints a gigabyte is read to its end without being kept."""
    script = "import os\nfor _ in range(1000): os.write(1, b' ' * 1_000_000)"
    with pytest.raises(WorkerError, match=r"^bandit printed more than fanfold reads$"):
        analyze(fake(BANDIT, tmp_path, script), tree({"a.py": FAULTY}))


@pytest.mark.parametrize("analyzer", [SECRETS, COMPLEXITY], ids=["secrets", "complexity"])
def test_an_answer_for_other_files_is_an_error(analyzer: Any, tree: Tree, analyze: Analyze, tmp_path: Path) -> None:
    """An answer that holds more files than were asked for can't be assigned."""
    with pytest.raises(WorkerError, match="answer"):
        analyze(fake(analyzer, tmp_path, "print('[[], []]')"), tree({"a.py": FAULTY}))


@pytest.mark.parametrize("name", SAFE)
def test_thousands_of_files_fit(name: str, tmp_path: Path) -> None:
    """More names than a command line holds are looked at, each once."""
    folder = tmp_path / ("d" * 200) / ("e" * 200)
    folder.mkdir(parents=True)
    for number in range(1500):
        (folder / f"{number}.py").write_text(FAULTY if number in {0, 777, 1499} else "")
    paths = tuple(str((folder / f"{number}.py").relative_to(tmp_path)) for number in range(1500))
    analysis = asyncio.run(load(name).analyze(AnalyzerRequest(tmp_path, paths)))
    assert [Path(path).stem for path in dict.fromkeys(f.path for f in analysis.findings)] == ["0", "777", "1499"]
