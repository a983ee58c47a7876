"""A tree on disk, and what is found in it without a model."""

import asyncio

import pytest

from fanfold.skills.multi_file_analysis.analyses.parts import facts
from fanfold.skills.multi_file_analysis.analyses.sources import Sources
from fanfold.sources.repo_map.discover import discover
from fanfold.sources.repo_map.mapping import map_tree


class Tree:
    """A tree on disk, its map, and the tables of its parts."""

    def __init__(self, root, files):
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        self.map = asyncio.run(map_tree(discover([], root)))
        self.root = root

    def read(self, path):
        file = self.root / path
        return file.read_text() if file.is_file() else None

    def table(self, name, **sources):
        return facts([name], self.map, Sources(read=self.read, **sources))[0]

    def rows(self, name, **sources):
        return [(f"{row.path}:{row.line}", *row.cells) for row in self.table(name, **sources).rows]

    def names(self, name, **sources):
        return [row.cells[0] for row in self.table(name, **sources).rows]


@pytest.fixture
def tree(tmp_path):
    return lambda files: Tree(tmp_path, files)
