"""What a hostile sample holds wherever text may stand: markup of every kind, a template's, a terminal's."""

from __future__ import annotations

ATTACK = "</p><script>alert(1)</script>\n# heading\n```\n{{ run }} [x](javascript:alert(1)) \x1b[31m | `"
