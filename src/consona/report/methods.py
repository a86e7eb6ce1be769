"""The methods in words: settings with their descriptions, and what each step did by the first line of its docstring."""

import ast
import importlib.util
import inspect
import re
from functools import cache
from pathlib import Path

from consona.report.read import Material
from consona.report.wording import flat

_ROLE = re.compile(r":(?:[a-z]+:)?[a-z]+:`(?:([^`<]*?)\s*<[^`>]*>|(~?)([^`]*))`")
_SETTING = re.compile(r"^(?:# )?([A-Za-z_]\w*) =")


def settings(material: Material) -> list[tuple[str, str, str]]:
    """Every setting of the study that can change a number: name, value, description."""
    described = descriptions(material.study)
    return [
        (name, "; ".join(f"{key} {said}".strip() for key, said in flat(value)), described.get(name, ""))
        for name, value in material.manifest.science.items()
    ]


def descriptions(toml: str) -> dict[str, str]:
    """What the comments of a study file say about each key of ``[science]`` (the comment stands above its key)."""
    found: dict[str, str] = {}
    above: list[str] = []
    for line in toml.partition("[science]")[2].partition("\n[")[0].splitlines():
        setting = _SETTING.match(line)
        if setting:
            found[setting.group(1)] = " ".join(above)
            above = []
        elif line.startswith("# "):
            above.append(line.removeprefix("# "))
        else:
            above = []
    return found


def methods(material: Material) -> list[tuple[str, str]]:
    """What each function that the run called does, in order, and the steps that called it; pictures are left out."""
    said: dict[str, list[str]] = {}
    for step in material.manifest.steps:
        drawn = ".figures." in step.function
        summary = "" if drawn else summary_of(step.function)
        if summary:
            said.setdefault(summary.rstrip("."), []).append(step.name)
    return [(summary, _few(names)) for summary, names in said.items()]


def _few(names: list[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{'step' if len(names) == 1 else 'steps'} {', '.join(names[:most])}{more}"


@cache
def summary_of(function: str) -> str:
    """The first paragraph of a function's docstring, found by its dotted name without importing its module.

    The function may be a method. A function that is not of an installed module has no summary: the text is empty.
    """
    parts = function.replace(":", ".").split(".")
    for n in range(len(parts) - 1, 0, -1):
        source = _source(parts[:n])
        if source is not None:
            return _docstring(ast.parse(source), parts[n:])
    return ""


def _source(module: list[str]) -> str | None:
    """The text of a module, beside the top package's own file, so that nothing of it is carried out."""
    if module[0] == "__main__" or not all(part.isidentifier() for part in module):
        return None  # a script or a notebook: it has no module to look up
    top = importlib.util.find_spec(module[0])
    if top is None or top.origin is None:
        return None
    place = Path(top.origin).parent.joinpath(*module[1:])
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if path.is_file() and len(module) > 1:
            return path.read_text(encoding="utf-8")
    return None


def _docstring(tree: ast.AST, names: list[str]) -> str:
    for name in names:
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        inner = [each for each in ast.iter_child_nodes(tree) if isinstance(each, kinds) and each.name == name]
        if not inner:
            return ""
        tree = inner[-1]
    text = ast.get_docstring(tree) if isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else None
    first = inspect.cleandoc(text or "").split("\n\n")[0]
    return " ".join(_ROLE.sub(_referred, first).replace("`", "").split())


def _referred(role: re.Match[str]) -> str:
    """What a reader sees of ``:func:`~package.module.name` ``: its title, else the name, whole without the tilde."""
    title, short, name = role.groups()
    return title or (name.rpartition(".")[2] if short else name)
