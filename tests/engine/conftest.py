"""The steps that are killed in another process are also called in this one."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
