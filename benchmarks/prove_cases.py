"""Whether the bugs of the shipped cases are bugs: each has a check that passes on the clean twin and fails on the bug.

    python benchmarks/prove_cases.py [--only TEXT]

`benchmarks/review_cases/checks/<id>.*` is the check. One that covers several bugs is told by the variable CHECK which
of them it is about, counted from 0 in the order of the labels. What a language needs is looked for on PATH: Python,
`tsc` and `node`, `go`, `javac` and `java`, `cc` with sanitizers. Where something is missing the case is named as not
proved here. Exit code 1 when a check says other than it should.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from benchmarks.quality.cases import Case, build, read_cases  # noqa: E402  needs the line above

CASES = ROOT / "benchmarks" / "review_cases"
_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Toolchain:
    """How a check of one language is run. `place` is where it goes in the tree; the last of `commands` runs it."""

    programs: tuple[str, ...]
    place: str
    commands: tuple[str, ...]


_JAVAC = "javac -d out $(find src/main -name '*.java') Check.java"
_CC = "cc -std=c11 -g -D_POSIX_C_SOURCE=200809L -fsanitize=address,undefined -fno-sanitize-recover"
TOOLCHAINS: Mapping[str, Toolchain] = {
    "python": Toolchain((), "check.py", (f'"{sys.executable}" check.py',)),
    "typescript": Toolchain(
        ("tsc", "node"), "test/check.ts", ('tsc -p . --typeRoots "$TYPES"', "node dist/test/check.js")
    ),
    "go": Toolchain(("go",), "check/check_test.go", ("go test -count=1 -vet=off ./check",)),
    "java": Toolchain(("javac", "java"), "Check.java", (_JAVAC, "exec java -cp out Check")),
    "c": Toolchain(("cc",), "check.c", (f"{_CC} -Isrc check.c src/*.c -o check", "./check")),
}


def surroundings(place: Path, number: int) -> dict[str, str]:
    """Return the variables of a check: no network for Go, and where TypeScript's own types are."""
    compiler = shutil.which("tsc")
    types = Path(compiler).resolve().parents[2] / "@types" if compiler else place
    quiet = {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local", "PYTHONDONTWRITEBYTECODE": "1"}
    return {**os.environ, **quiet, "CHECK": str(number), "TYPES": str(types)}


def run(case: Case, check: Path, number: int) -> tuple[bool, str]:
    """Run a check on a case's tree after the change; returns whether it passed, and what was said.

    A tree that does not compile is an error, not a check that fails.
    """
    toolchain = TOOLCHAINS[case.language]
    with tempfile.TemporaryDirectory(prefix="fanfold-prove-") as place:
        root = build(case, CASES, Path(place)).root
        target = root / toolchain.place
        target.parent.mkdir(exist_ok=True)
        shutil.copy(check, target)
        environment = surroundings(root, number)
        for command in toolchain.commands[:-1]:
            done = shell(command, root, environment)
            if done.returncode:
                raise RuntimeError(f"{case.id}: {command}: {done.stdout}{done.stderr}")
        done = shell(toolchain.commands[-1], root, environment)
        return done.returncode == 0, f"{done.stdout}{done.stderr}"


def shell(command: str, root: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", command],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def prove(case: Case, twin: Case) -> Sequence[str]:
    """Return what is wrong with the labels of a case; nothing when every bug is proved."""
    check = next(CASES.glob(f"checks/{case.id}.*"), None)
    if check is None:
        return [f"{case.id}: there is no check"]
    wrong = []
    for number in range(len(case.gt)):
        passed, said = run(twin, check, number)
        if not passed:
            wrong.append(f"{twin.id}: check {number} fails on the clean twin\n{said}")
        passed, _ = run(case, check, number)
        if passed:
            wrong.append(f"{case.id}: check {number} passes with the bug in")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases whose id contains it")
    only = parser.parse_args().only
    cases = {case.id: case for case in read_cases(CASES / "cases.jsonl")}
    proved, failed, unproved = 0, 0, 0
    for case in cases.values():
        if case.clean or only not in case.id:
            continue
        missing = [name for name in TOOLCHAINS[case.language].programs if not shutil.which(name)]
        if missing:
            unproved += len(case.gt)
            print(f"{case.id}: not proved here: no {', '.join(missing)}")
            continue
        wrong = prove(case, cases[f"{case.id}-clean"])
        failed += len(wrong)
        proved += len(case.gt) if not wrong else 0
        print("\n".join(wrong) or f"{case.id}: {len(case.gt)} proved", flush=True)
    print(f"{proved} bugs proved, {unproved} not proved here, {failed} checks wrong")
    return 1 if failed or not proved else 0


if __name__ == "__main__":
    sys.exit(main())
