import sqlite3
import tempfile
from datetime import datetime
from pathlib import Path

from meter.models import Event
from meter.storage import EventStore

file = Path(tempfile.mkdtemp()) / "events.db"
store = EventStore(sqlite3.connect(file, timeout=0))
other = sqlite3.connect(file, timeout=0, isolation_level=None)
other.execute("begin immediate")
try:
    report = store.add_all([Event("e1", "acme", "calls", 1, datetime(2026, 3, 1))])
except sqlite3.OperationalError:
    pass  # the sender hears of it, and sends the batch again
else:
    raise AssertionError(f"a locked database lost an event: {report}")
