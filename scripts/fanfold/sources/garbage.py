"""Python's own collector of cyclic garbage, held back where there is none to collect."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Hold back the collector while many objects are made that are in no cycle: looking for some doubles the time.

    They are then counted among the old ones, as if it had looked at them, which it would do at once.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:  # another thread that came in meanwhile has found it off, and leaves it to this one
            if not gc.get_freeze_count():  # else somebody wants what is frozen to stay so
                gc.freeze()
                gc.unfreeze()  # into the oldest generation
            gc.enable()
