"""A limit that is handed to the tool is never higher than the one that holds without it."""

from __future__ import annotations

import pytest

from fanfold.runners import load
from fanfold.runners.base import Task
from fanfold.runners.tools import Tools
from fanfold.suites import Environment, Suite


@pytest.mark.parametrize(
    "row",
    [
        ("vitest", {}, (), 300, []),
        ("vitest", {}, (), 4, ["--testTimeout=4000", "--hookTimeout=4000"]),
        ("vitest", {}, (), 7.5, ["--hookTimeout=7500"]),
        ("vitest", {}, (), None, []),
        ("vitest", {"vitest.config.ts": "{ test: { testTimeout: 120_000 } }"}, (), 60, ["--testTimeout=60000"]),
        ("vitest", {"vite.config.ts": "{ test: { testTimeout: 0, } }"}, (), 60, ["--testTimeout=60000"]),
        ("vitest", {"vitest.config.ts": "testTimeout: process.env.CI ? 1 : 90000"}, (), 60, []),
        ("vitest", {"vitest.config.ts": "testTimeout: 1000 * 90"}, (), 60, []),
        ("vitest", {"vitest.config.ts": "testTimeout: 90000"}, ("--testTimeout=1000",), 5, ["--hookTimeout=5000"]),
        ("jest", {"package.json": '{"jest": {"testTimeout": 90000}}'}, (), 60, ["--testTimeout=60000"]),
        ("jest", {"package.json": '{"jest": {"testTimeout": 9000}}'}, (), 60, []),
        ("jest", {"package.json": "[]"}, (), 3, ["--testTimeout=3000"]),
        ("mocha", {".mocharc.yml": "timeout: 90000\n"}, (), 60, ["--timeout=60000"]),
        ("mocha", {}, ("--timeout", "0"), 60, ["--timeout=60000"]),
        ("playwright", {"playwright.config.ts": "webServer: { timeout: 120000 }"}, (), 60, []),
        ("playwright", {"playwright.config.ts": "expect: { timeout: 5000 }"}, (), 10, []),
        ("playwright", {}, (), 10, ["--timeout=10000"]),
    ],
)
def test_what_is_handed_on(tmp_path, row):
    """Settings that are lower, or that can't be read, stand; what has no end has the run's."""
    framework, files, arguments, timeout_s, words = row
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    suite = Suite(name="s", framework=framework, command=("tool",), arguments=arguments)
    task = Task(suite, Environment(), tmp_path, tmp_path, timeout_s=timeout_s)
    argv = load(framework).command(task, Tools(tmp_path, {"PATH": ""})).argv
    assert [word for word in argv if "imeout=" in word and word not in arguments] == words
