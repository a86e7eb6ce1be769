"""What the tests of studies share: the folder of their own helpers."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
