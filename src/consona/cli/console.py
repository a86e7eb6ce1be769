"""What the verbs say: results on the screen, and what goes on beside it on the error stream."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

_SCREEN = Console()
_ASIDE = Console(stderr=True)


def say(text: str | Text) -> None:
    """Print a result as it is: no markup, no wrapping, so that a path can be copied."""
    _SCREEN.print(text, soft_wrap=True, markup=False, highlight=False)


def tell(text: str | Text) -> None:
    """Print what goes on, or wrong, as it is, on the error stream."""
    _ASIDE.print(text, soft_wrap=True, markup=False, highlight=False)


def show(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Print rows below the names of their columns."""
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    _SCREEN.print(table)
