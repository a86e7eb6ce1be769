"""Lets the house tests import the module that parses the source."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
