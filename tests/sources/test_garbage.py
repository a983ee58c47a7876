"""Python's collector of garbage, held back and let loose again."""

import gc
import weakref

import pytest

from fanfold.sources.garbage import uncollected


class Ring:
    """Something in a cycle."""

    def __init__(self):
        self.itself = self


@pytest.mark.parametrize("lasting", [False, True])
def test_garbage_is_still_found_later(lasting):
    """What was made while it was held back is not out of its reach, whatever it is counted among."""
    assert gc.isenabled()
    with uncollected(lasting=lasting):
        assert not gc.isenabled()
        gone = weakref.ref(Ring())
    assert gc.isenabled()
    gc.collect()
    assert gone() is None


def test_what_somebody_has_frozen_stays_so():
    """As before a fork: it is not this one's to thaw."""
    gc.freeze()
    try:
        with uncollected(lasting=True):
            pass
        assert gc.get_freeze_count()
    finally:
        gc.unfreeze()
