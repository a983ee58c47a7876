"""Small trees, and one way to look at them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from fanfold.analyzers import load
from fanfold.analyzers.base import Analysis, Analyzer, AnalyzerRequest

Tree = Callable[[Mapping[str, str | bytes]], Path]
Analyze = Callable[..., Analysis]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Make a folder that holds the files given by name and content."""

    def make(files: Mapping[str, str | bytes]) -> Path:
        root = tmp_path / "tree"
        root.mkdir(exist_ok=True)
        for path, content in files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return root

    return make


@pytest.fixture
def analyze() -> Analyze:
    """Run an analyzer, by name or as it is, on a folder: on the files named, or on all that it wants."""

    def run(
        analyzer: str | Analyzer,
        root: Path,
        paths: list[str] | None = None,
        before: Path | None = None,
        timeout_s: float = 60,
    ) -> Analysis:
        chosen = load(analyzer) if isinstance(analyzer, str) else analyzer
        wanted = paths if paths is not None else [path for path in everything(root) if chosen.wants(path)]
        return asyncio.run(chosen.analyze(AnalyzerRequest(root, tuple(wanted), before, timeout_s)))

    return run


def everything(root: Path) -> list[str]:
    """List the files below a folder, as fanfold shows their names."""
    from fanfold.sources.text import shown

    return sorted(shown(os.fsencode(file.relative_to(root))) for file in root.rglob("*") if file.is_file())
