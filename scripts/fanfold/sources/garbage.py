"""Python's own collector of cyclic garbage, held back where there is none to collect."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected(*, lasting: bool = False) -> Iterator[None]:
    """Hold back the collector while many objects are made that are in no cycle: looking for some doubles the time.

    `lasting` ones are then counted among the old, as if it had looked at them, which it would do at once. That is for
    once or twice in a process: it puts off looking for garbage of others.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:  # another thread that came in meanwhile has found it off, and leaves it to this one
            if lasting and not gc.get_freeze_count():  # else somebody wants what is frozen to stay so
                gc.freeze()
                gc.unfreeze()  # into the oldest generation
            gc.enable()
