"""What goes wrong for a user, in words a user can act on.

Every error states three facts: what was found, what was expected, what to do.
``exit_code`` is what the command line returns for it.

::

    ConsonaError
    ├── ConfigError    (2)  a study file, an option or a name that does not exist
    ├── MissingData    (3)  a corpus that is not on this computer
    ├── MissingExtra   (3)  an optional package that is not installed
    ├── ModelError     (3)  a language model that cannot be loaded or read
    ├── InvalidInput   (4)  data that break an invariant
    └── StoreError     (5)  the store cannot be read or written
"""

import importlib
from types import ModuleType
from typing import ClassVar


class ConsonaError(Exception):
    """Base of all errors that a user can cause and mend."""

    exit_code: ClassVar[int] = 1


class ConfigError(ConsonaError):
    """A study file, an option or a name that does not exist."""

    exit_code = 2


class MissingData(ConsonaError):
    """A corpus that is not on this computer."""

    exit_code = 3


class MissingExtra(ConsonaError):
    """An optional package that is not installed."""

    exit_code = 3


class ModelError(ConsonaError):
    """A language model that cannot be loaded, or that would give wrong numbers."""

    exit_code = 3


class InvalidInput(ConsonaError, ValueError):
    """Data that break an invariant of the noun they were meant for."""

    exit_code = 4


class StoreError(ConsonaError):
    """The store cannot be read or written."""

    exit_code = 5


def require_extra(module: str, extra: str) -> ModuleType:
    """Import an optional package, or say which extra brings it.

    Raises
    ------
    MissingExtra
        When the package is not installed; the message names the ``pip`` line.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise MissingExtra(
            f"The package '{module.split('.')[0]}' is not installed, and this step needs it. "
            f"Install it with: pip install 'consona[{extra}]'"
        ) from None
