"""Formats for machines before the validators of those who read them, where npm and Node are there."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from fanfold.reports.formats import Renderer, TemplateChoice
from fanfold.reports.samples import FULL, RUNS
from fanfold.testing.npm import NpmMissing, npm_package

MULTITOOL = "@microsoft/sarif-multitool@5.7.0"
RDFORMAT = "@umbrelladocs/rdformat-validator@1.0.1"
MANY = FULL.model_copy(
    update={
        "findings": tuple(
            FULL.findings[n % 3].model_copy(update={"id": f"F{n}", "line": n + 1, "end_line": n + 1})
            for n in range(5_000)
        )
    }
)
ALL = {**RUNS, "many": MANY}


@pytest.fixture
def installed(lacking: Callable[[str], NoReturn]) -> Callable[[str], Path]:
    """Return `installed(package)`: the folder of an npm package's programs."""

    def programs(package: str) -> Path:
        try:
            return npm_package(package) / ".bin"
        except NpmMissing as error:
            lacking(str(error))

    return programs


def checked(command: list[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def written(folder: Path, name: str) -> list[Path]:
    renderer = Renderer("code-review", [name], TemplateChoice())
    places = []
    for label, run in ALL.items():
        places.append(folder / f"{label}.{name}")
        places[-1].write_text(renderer.render(run, name), encoding="utf-8")
    return places


def test_sarif_is_clean_by_the_standards_rules_and_githubs(tmp_path, installed):
    """The SARIF Multitool finds no error and nothing to warn of in any run."""
    tool = installed(MULTITOOL) / "sarif-multitool"
    places = written(tmp_path, "sarif")
    found = tmp_path / "found.sarif"
    done = checked(
        # Its program is started through a shell, which would end the command at the semicolon.
        [tool, "validate", "--rule-kind", "'Sarif;Ghas'", "--level", "'Error;Warning'", "--output", found, *places]
    )
    log = json.loads(found.read_text(encoding="utf-8-sig"))
    results = [
        f"{result['ruleId']} {result['locations'][0]['physicalLocation']['artifactLocation']}: {result['message']}"
        for result in log["runs"][0].get("results", ())
    ]
    assert results == [], done.stdout
    assert f"{len(places)} files scanned" in done.stdout, done.stdout + done.stderr


def test_the_multitool_sees_what_is_wrong(tmp_path, installed):
    """A log without rules is an error by GitHub's rules: the check above can fail."""
    tool = installed(MULTITOOL) / "sarif-multitool"
    bad = tmp_path / "bad.sarif"
    bad.write_text('{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}, "results": []}]}')
    assert "error GH1018" in checked([tool, "validate", "--rule-kind", "'Sarif;Ghas'", bad]).stdout


def test_rdjson_passes_its_validator(tmp_path, installed):
    """The Reviewdog Diagnostic Format's validator takes every run, and refuses what is none."""
    tool = installed(RDFORMAT) / "rdformat-validator"
    for place in written(tmp_path, "rdjson"):
        done = checked([tool, place])
        assert done.returncode == 0, done.stdout + done.stderr
    bad = tmp_path / "bad.rdjson"
    bad.write_text('{"diagnostics": [{"message": "no location"}]}')
    assert checked([tool, bad]).returncode != 0
