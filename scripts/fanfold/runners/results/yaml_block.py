"""The YAML blocks of TAP; a module of its own, so that the parser is loaded where there is a block to read."""

from __future__ import annotations

import yaml


class _Strings(yaml.SafeLoader):
    """Every scalar is text: a duration is a number when it is asked for, and no date fails for being none.

    Aliases are refused: a few lines of them would take all memory when written out.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("an alias")
        node: yaml.Node | None = super().compose_node(parent, index)
        return node


_Strings.yaml_implicit_resolvers = {}


def read_block(text: str) -> dict[str, object]:
    """Return what a block says, {} for one that can't be read."""
    try:
        block = yaml.load(text, Loader=_Strings)  # noqa: S506  a SafeLoader that makes nothing but strings
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return block if isinstance(block, dict) else {}
