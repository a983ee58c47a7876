"""The command that reproduces a failure is the framework's own, as a person types it."""

import subprocess
from pathlib import Path

import pytest

from fanfold.runners import RUNNERS, load
from fanfold.runners.tools import Tools
from fanfold.skills.parallel_test.fold import reproducer
from fanfold.skills.parallel_test.job import Job
from fanfold.suites import Case, Environment, Suite, TestAttempt, TestResult, TestVerdict

FAILED = TestAttempt(outcome=TestVerdict.FAILED)


def line_for(native, root=Path("/repo"), **suite):
    """Return the line for a test of a suite."""
    made = Suite(name="s", **suite)
    job = Job(made, Environment(name="default", variables={"B": "2"}), load(made.framework))
    test = TestResult.of(Case(name="t", native=native), "s")
    return reproducer([job], Tools(root, {"PATH": "/usr/bin:/bin"}))(test, ())


@pytest.mark.parametrize(
    ("suite", "native", "words"),
    [
        ({"framework": "unittest", "command": ("python",)}, "a.T.b", "B=2 python -m unittest a.T.b -v"),
        (
            {"framework": "unittest", "command": ("python",), "paths": ("api",)},
            *("a.T.b", "B=2 PYTHONPATH=api python -m unittest a.T.b -v"),
        ),
        (
            {"framework": "django", "command": ("python",), "folder": "web"},
            *("a.T.b", "cd web && B=2 python manage.py test --noinput -v 2 a.T.b"),
        ),
        (
            {"framework": "node", "command": ("node",)},
            *("a.test.js::x y", "B=2 node --test '--test-name-pattern=/(?:^| )(x y)$/' a.test.js"),
        ),
        ({"framework": "pytest", "command": ("pytest",)}, "a.py::t", "B=2 pytest a.py::t"),
    ],
)
def test_it_needs_nothing_of_fanfold(suite, native, words):
    """No reporter, no result file, no script of fanfold's own."""
    assert line_for(native, **suite) == words


@pytest.mark.parametrize(
    ("framework", "file", "words"),
    [
        ("vitest", "a.test.ts", "vitest run a.test.ts"),
        ("go", "in", "go test ./in"),
        ("node", "a.test.ts", "node --test a.test.ts"),
        ("cargo", "src/lib.rs", ""),
    ],
)
@pytest.mark.parametrize("native", ["", "a.test.ts::never"])
def test_what_does_not_run_alone_is_run_with_its_file(framework, file, words, native):
    """A line that runs no test reproduces nothing: it is that of the file or package, or there is none."""
    suite = Suite(name="s", framework=framework, command=(framework,), files=("a.test.ts", "in/a_test.go"))
    skipped = TestAttempt(outcome=TestVerdict.SKIPPED, conditions="alone")
    case = Case(file=file, name="t", native=native, attempts=(FAILED, skipped) if native else (FAILED,))
    said = reproducer([Job(suite, Environment(), load(framework))], Tools(Path("/repo"), {"PATH": ""}))
    assert said(TestResult.of(case, "s"), ()) == words


@pytest.mark.parametrize("framework", [name for name in RUNNERS if name != "command"])
def test_no_runner_leaves_what_is_fanfold_s_own(framework):
    """No place of results, and no option whose value that was."""
    line = line_for("a::b", framework=framework, command=("tool",))
    assert "SCRATCH" not in line
    assert not [word for word in ("--out ", "--log-junit", "--output-junit", "--results-directory") if word in line]
    assert "json" not in line
    assert "b" in line.rpartition("tool")[2]


@pytest.mark.parametrize("folder", ["api", "the api", "l'api"])
def test_it_fails_as_the_test_did(folder, tmp_path):
    """Of a unittest suite whose names start below its folder, and with variables: a shell has to take them as such."""
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "a.py").write_text(
        "import os\nimport unittest\n\nclass T(unittest.TestCase):\n"
        "    def test_b(self): self.assertNotEqual(os.environ['SAID'], 'two words; $HOME')\n"
    )
    suite = {"framework": "unittest", "paths": (folder,), "variables": {"SAID": "two words; $HOME"}}
    line = line_for("a.T.test_b", tmp_path, **suite)
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, line
    assert "AssertionError" in done.stderr
