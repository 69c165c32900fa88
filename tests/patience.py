"""How long a test waits for an event before it says that something hangs.

It is long on purpose: no test that passes waits for it, and one that runs beside eight busy processes may need it.
"""

from __future__ import annotations

from typing import Final

PATIENCE_S: Final = 180.0
PATIENCE_MS: Final = 1000 * PATIENCE_S
