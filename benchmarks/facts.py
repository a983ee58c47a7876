"""How long each part of the ready-made analyses takes without a model: `facts.py TREE…`, beside the bound of 10 s.

The trees are those of source packages, such as django's: `pip download --no-binary :all: --no-deps django`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from fanfold.skills.multi_file_analysis.analyses.folding import module_graph
from fanfold.skills.multi_file_analysis.analyses.parts import PARTS, facts, map_summary
from fanfold.skills.multi_file_analysis.analyses.sources import Sources
from fanfold.sources.repo_map.discover import discover
from fanfold.sources.repo_map.mapping import map_tree
from fanfold.sources.snapshot import WorkingTree

BOUND_S = 10.0


def main(trees: list[str]) -> int:
    late = []
    for name in trees:
        found = discover([], Path(name).resolve())
        tree = asyncio.run(map_tree(found))
        read = WorkingTree(found.root, lambda: ()).read
        sources = Sources(read=read)
        print(f"{name}: {len(tree.files):,} files, {sum(file.facts.lines for file in tree.files.values()):,} lines")
        for part in PARTS:
            began = time.process_time()
            table = facts([part], tree, sources)[0]
            took = time.process_time() - began
            late += [f"{name} {part}"] if took > BOUND_S else []
            print(f"  {part:20} {took:6.2f} s of {BOUND_S:.0f} s  {table.total:,} rows")
        began = time.process_time()
        map_summary(tree, sources)
        graph = module_graph(tree)
        print(f"  summary and graph    {time.process_time() - began:6.2f} s  {len(graph.modules)} modules")
    print("all within their bound" if not late else f"beyond it: {', '.join(late)}")
    return bool(late)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
