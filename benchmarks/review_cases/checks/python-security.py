import tempfile
from pathlib import Path

from meter.exports import ExportStore, NoSuchExport

store = ExportStore(Path(tempfile.mkdtemp()))
store.write("acme", "2026-03", [])
store.write("acme-labs", "2026-03", [])
try:
    store.read("acme", "../acme-labs/2026-03.csv")
except NoSuchExport:
    pass
else:
    raise AssertionError("acme reads the files of acme-labs")
