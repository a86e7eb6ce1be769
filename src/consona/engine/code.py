"""Which code a result depends on: the syntax of a function's file and of everything it imports from this package."""

import ast
import functools
import hashlib
import importlib.util
import inspect
import sys
import sysconfig
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from consona.engine.fingerprint import NotCacheable, identify

PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib"))


@dataclass
class Code:
    """The source of a package as it is when first read; later edits do not count for this object.

    ``package`` is the folder of the package whose imports are followed; its name is that of the folder.
    """

    package: Path = PACKAGE
    _syntax: dict[Path, tuple[str, frozenset[str]]] = field(default_factory=dict, repr=False)
    _cones: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)

    def cone(self, module: str) -> dict[str, str]:
        """Modules that ``module`` depends on (itself included), each with the hash of its syntax.

        Imports are followed wherever they stand, also inside functions; those for the type checker only are not.
        Modules outside the package count where they are files of the user; what is installed does not.

        Raises
        ------
        NotCacheable
            When the module has no source.
        """
        if module in self._cones:
            return self._cones[module]
        seen: dict[str, str] = {}
        waiting = [module]
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            path = self._file(name)
            if path is None:
                if name == module:
                    raise NotCacheable(
                        f"module '{module}' is neither part of {self.package.name} nor a file of yours; call it from a "
                        "function in a file"
                    )
                continue
            seen[name], imported = self._read(path, name)
            waiting += sorted(imported - seen.keys())
        self._cones[module] = dict(sorted(seen.items()))
        return self._cones[module]

    def _file(self, name: str) -> Path | None:
        if name.partition(".")[0] == self.package.name:
            base = self.package.parent.joinpath(*name.split("."))
            return next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()), None)
        loaded = sys.modules.get(name)
        found = getattr(loaded, "__file__", None) if loaded is not None else _origin(name)
        path = Path(found).resolve() if found else None
        return path if path is not None and path.suffix == ".py" and not _is_installed(path) else None

    def _read(self, path: Path, name: str) -> tuple[str, frozenset[str]]:
        if path not in self._syntax:
            digest, imported = _parsed(path.read_bytes(), name, path.name == "__init__.py")
            self._syntax[path] = digest, frozenset(self._resolved(imported))
        return self._syntax[path]

    def _resolved(self, names: Iterable[tuple[str, str]]) -> Iterator[str]:
        for module, attribute in names:
            whole = f"{module}.{attribute}" if attribute else module
            yield whole if self._file(whole) is not None else module


def function_identity(function: Callable[..., Any], code: Code | None = None) -> str:
    """What a function is: its name and the hash of the syntax it depends on.

    Raises
    ------
    NotCacheable
        For lambdas, functions made inside functions, and functions without source.
    """
    described = describe(function, code or Code()).identity
    owner = owner_identity(function)
    return f"{described} of {owner}" if owner else described


def owner_identity(function: Callable[..., Any]) -> str:
    """Fingerprint of the object (or name of the class) that a method belongs to; empty where there is none.

    Raises
    ------
    NotCacheable
        When the owner cannot be identified.
    """
    if not isinstance(function, types.MethodType):
        return ""
    owner = function.__self__
    if isinstance(owner, type):
        return f"{owner.__module__}.{owner.__qualname__}"
    try:
        return identify(owner)
    except NotCacheable as error:
        raise NotCacheable(f"{error}; it owns {function_name(function)}") from None


@dataclass(frozen=True)
class FunctionCode:
    """Name of a function, hash of the syntax behind it, and the hash of every module in it."""

    name: str
    sha256: str
    modules: dict[str, str]

    @property
    def identity(self) -> str:
        """Name and hash in one text."""
        return f"{self.name}@{self.sha256}"


def describe(function: Callable[..., Any], code: Code) -> FunctionCode:
    """The code behind a function; see :func:`function_identity`."""
    if isinstance(function, functools.partial):
        inner = describe(function.func, code)
        bound = identify((owner_identity(function.func), list(function.args), dict(function.keywords)))
        return FunctionCode(f"partial({inner.name})", _hashed([inner.identity, bound]), inner.modules)
    plain = inspect.unwrap(function.__func__ if isinstance(function, types.MethodType) else function)
    name = _public_name(plain)
    cone: dict[str, str] = {}
    for module in _modules(function, plain):
        cone |= code.cone(module)
    return FunctionCode(name, _hashed(f"{module}={digest}" for module, digest in sorted(cone.items())), cone)


def function_name(function: Callable[..., Any]) -> str:
    """Module and name, for messages and the manifest; works for every callable."""
    if isinstance(function, functools.partial):
        return f"partial({function_name(function.func)})"
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


def syntax_hash(tree: ast.AST) -> str:
    """SHA-256 of a syntax tree without comments, positions and docstrings; the same in every version of Python."""
    digest = hashlib.sha256()
    for part in _spelt(tree):
        digest.update(part.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()


def _public_name(function: Any) -> str:
    name = getattr(function, "__qualname__", None)
    module = getattr(function, "__module__", None)
    if name is None or module is None:
        raise NotCacheable(f"a callable of type {type(function).__name__} has no name under which it could be kept")
    if "<lambda>" in name:
        raise NotCacheable("a lambda has no name; write a function")
    if "<locals>" in name or getattr(function, "__closure__", None):
        raise NotCacheable(f"'{name}' is made inside another function; move it to the top of its file")
    return f"{module}.{name}"


def _modules(function: Any, plain: Any) -> list[str]:
    owner = getattr(function, "__self__", None)
    if owner is None or isinstance(owner, types.ModuleType):
        return [plain.__module__]
    kind = owner if isinstance(owner, type) else type(owner)
    return [plain.__module__, *(each.__module__ for each in kind.__mro__ if not _is_builtin(each.__module__))]


def _is_builtin(module: str) -> bool:
    path = getattr(sys.modules.get(module), "__file__", None)
    return path is None or _is_installed(Path(path).resolve())


def _is_installed(path: Path) -> bool:
    if PACKAGE in path.parents:
        return False
    return any(folder in path.parents for folder in _INSTALLED)


def _origin(name: str) -> str | None:
    if "." in name or name in sys.stdlib_module_names or name in sys.builtin_module_names:
        return None
    spec = importlib.util.find_spec(name)
    return spec.origin if spec is not None and spec.has_location else None


@functools.lru_cache(maxsize=1024)
def _parsed(source: bytes, module: str, is_package: bool) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Hash and imports of a source text; remembered, since every run of a process asks for the same files."""
    tree = ast.parse(source, filename=module)
    return syntax_hash(tree), tuple(_imports(tree, module, is_package))


def _imports(tree: ast.AST, module: str, is_package: bool) -> Iterator[tuple[str, str]]:
    for node in ast.walk(_CheckerOnly().visit(tree)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = _absolute(node, module, is_package)
            yield from ((source, alias.name) for alias in node.names if alias.name != "*")
            yield from ((source, "") for alias in node.names if alias.name == "*")


def _absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    base = parts[: len(parts) - node.level + is_package]
    return ".".join([*base, node.module] if node.module else base)


class _CheckerOnly(ast.NodeTransformer):
    """Takes out what stands under ``if TYPE_CHECKING``: it never runs."""

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        test = node.test
        name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else ""
        if name != "TYPE_CHECKING":
            return self.generic_visit(node)
        return [self.visit(each) for each in node.orelse]


def _spelt(node: Any) -> Iterator[str]:
    if isinstance(node, ast.AST):
        yield type(node).__name__
        for name, value in ast.iter_fields(node):
            kept = _without_docstring(node, value) if name == "body" else value
            if kept is None or kept == [] or name in ("kind", "type_comment"):
                continue
            yield name
            yield from _spelt(kept)
        yield "end"
    elif isinstance(node, list):
        for each in node:
            yield from _spelt(each)
    else:
        yield f"{type(node).__name__} {node!r}"


def _without_docstring(node: ast.AST, body: Any) -> Any:
    documented = isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
    if documented and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        return body[1:] if isinstance(body[0].value.value, str) else body
    return body


def _hashed(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
