"""Looks for secrets; run as a script, by the `secrets` analyzer, in a process of its own.

Its arguments are marks of comments behind what is no secret. Reads a JSON list of file names; prints a JSON
list with a list for each of them: rule, description, confidence, whether it is one to report, start and end
in bytes, and entropy in bits a byte. The secrets themselves stay here. Nothing is sent anywhere: validation
is a separate part of the library, which is not used.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from kingfisher_sdk import DetectionPolicy, Finding, ScanInput, Scanner


def main() -> None:
    """Scan the files named on stdin."""
    scanner = Scanner(policy=DetectionPolicy(ignore_comments=tuple(sys.argv[1:])))
    json.dump([_scanned(scanner, Path(name)) for name in json.load(sys.stdin)], sys.stdout)


def _scanned(scanner: Scanner, path: Path) -> list[dict[str, Any]]:
    try:
        data = path.read_bytes()
    except OSError:
        return []
    return [_entry(finding) for finding in scanner.scan_input(ScanInput(path=str(path), data=data))]


def _entry(finding: Finding) -> dict[str, Any]:
    place = finding.location
    return {
        "rule": finding.rule_id,
        "says": finding.rule_name,
        "confidence": finding.confidence,
        "visible": finding.visible,
        "start": place["start_offset"],
        "end": place["end_offset"],
        "entropy": finding.entropy,
    }


if __name__ == "__main__":
    main()
