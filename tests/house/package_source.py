"""The package's source, parsed once, for the tests of its house rules."""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "consona"

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One source file: where it is, its text and its syntax tree."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return self.path.relative_to(PACKAGE).as_posix()


@dataclass(frozen=True)
class Function:
    """One function of one module, with the dotted name of where it stands."""

    module: Module
    node: FunctionNode
    qualified: str
    nested: bool

    def __str__(self) -> str:
        return f"{self.module.name}:{self.node.lineno} {self.qualified}"

    @property
    def public(self) -> bool:
        return not self.nested and not any(part.startswith("_") for part in self.qualified.split("."))

    @property
    def n_lines(self) -> int:
        """Lines from ``def`` to the end, the docstring not counted."""
        node = self.node
        lines = node.end_lineno - node.lineno + 1
        first = node.body[0]
        if ast.get_docstring(node) is not None:
            lines -= first.end_lineno - first.lineno + 1
        return lines

    @property
    def parameters(self) -> list[ast.arg]:
        """All parameters but ``self`` and ``cls``; ``*args`` and ``**kwargs`` count."""
        spec = self.node.args
        named = [*spec.posonlyargs, *spec.args]
        if named and named[0].arg in ("self", "cls"):
            named = named[1:]
        return [*named, *spec.kwonlyargs, *(arg for arg in (spec.vararg, spec.kwarg) if arg)]


@cache
def modules() -> tuple[Module, ...]:
    """Every module of the package."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        found.append(Module(path, text, ast.parse(text, filename=str(path))))
    return tuple(found)


def _functions_in(module: Module, node: ast.AST, prefix: str, nested: bool) -> list[Function]:
    found = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FunctionNode):
            qualified = f"{prefix}{child.name}"
            found.append(Function(module, child, qualified, nested))
            found.extend(_functions_in(module, child, f"{qualified}.", True))
        elif isinstance(child, ast.ClassDef):
            found.extend(_functions_in(module, child, f"{prefix}{child.name}.", nested))
        else:
            found.extend(_functions_in(module, child, prefix, nested))
    return found


@cache
def functions() -> tuple[Function, ...]:
    """Every function of the package, methods and nested ones as well."""
    return tuple(each for module in modules() for each in _functions_in(module, module.tree, "", False))


def calls(module: Module) -> list[ast.Call]:
    """Every call written in a module."""
    return [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
