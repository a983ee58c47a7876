"""When Python looks for garbage, in a pytest that first of all collects.

Collecting makes hundreds of thousands of objects that stay. To go through them again and again takes up to a quarter of
its time, and going through all of them once more at the interpreter's end takes as long again, for nothing.
"""

from __future__ import annotations

import atexit
import gc

# So many new objects, collections of the young, and of the middle-aged, before the next generation is gone through.
_RARELY = (50_000, 50, 100)


class Economy:
    """Has the garbage collector look seldom, from its making to `end`, and not at all at the interpreter's end."""

    def __init__(self) -> None:
        self._usual = gc.get_threshold()
        if self._usual[0]:
            gc.set_threshold(*_RARELY)
        # Registered early, this is called late: whatever else is called at the end has the collector as it was.
        atexit.register(_look_no_more)

    def end(self) -> None:
        """Restore what was usual, unless the project has made a choice of its own."""
        if gc.get_threshold() == _RARELY:
            gc.set_threshold(*self._usual)


def _look_no_more() -> None:
    """Leave what is not freed by itself to the end of the process, which frees everything."""
    gc.disable()
    gc.freeze()
