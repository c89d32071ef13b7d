"""Makes the modules of this folder, and the runner of hostile scripts, importable by their names."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "hostile")]
