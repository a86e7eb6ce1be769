"""Importing is light: nothing heavy comes along, and the mathematics needs neither torch nor MNE."""

import importlib
import subprocess
import sys

import pytest
from package_source import PACKAGE, modules

HEAVY = ("torch", "transformers", "mne", "matplotlib", "sklearn", "nibabel", "dask")
NEEDS_TORCH = ("lm", "training")

REFUSE = """
import importlib.abc, sys
class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {refused!r}:
            raise ModuleNotFoundError(f"No module named '{{name}}'", name=name)
sys.meta_path.insert(0, Refuse())
"""


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def module_names(*, without: tuple[str, ...]) -> list[str]:
    paths = [m.path.relative_to(PACKAGE).with_suffix("") for m in modules()]
    names = [".".join(("consona", *path.parts)).removesuffix(".__init__") for path in paths]
    return [name for name in names if name.split(".")[1:2] not in [[floor] for floor in without]]


def test_import_consona_brings_nothing_heavy():
    code = f"import sys, consona; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    assert run(code) == ""


def test_all_but_the_torch_floors_import_without_the_extras():
    names = module_names(without=NEEDS_TORCH)
    refuse = REFUSE.format(refused={"torch", "transformers", "mne", "nibabel"})
    run(refuse + "import importlib\n" + f"for name in {names!r}: importlib.import_module(name)")


def test_the_help_needs_neither_torch_nor_figures():
    refuse = REFUSE.format(refused={"torch", "transformers", "mne", "matplotlib"})
    shown = run(refuse + "import sys\nsys.argv = ['consona', '--help']\nfrom consona.cli import main\nmain()")
    assert "doctor" in shown


@pytest.mark.parametrize("name", module_names(without=()))
def test_what_a_module_exports_is_there(name):
    module = importlib.import_module(name)
    assert [each for each in getattr(module, "__all__", ()) if not hasattr(module, each)] == []
