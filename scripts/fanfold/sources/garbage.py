"""Python's own collector of cyclic garbage, held back where there is none to collect."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Hold back the collector while many objects are made that are in no cycle: looking for some doubles the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:  # another thread that came in meanwhile has found it off, and leaves it to this one
            gc.enable()
