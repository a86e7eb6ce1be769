"""Modules, functions and signatures stay within the budget, and nothing that was refused creeps in."""

import ast
import re

import numpy as np
from package_source import ROOT, Function, calls, functions, modules

LONGEST_MODULE, LONGEST_FUNCTION, P95_FUNCTION, MOST_PARAMETERS = 300, 45, 25, 7
VAGUE_NAMES = {"utils", "util", "base", "helpers", "helper", "misc", "common", "tools", "lib"}
# Run.step hands a study's own arguments to a study's own function; nothing else passes keywords on.
MAY_FORWARD = {"engine/run.py"}
LEGACY_RANDOM = re.compile(r"\bnp\.random\.(?!default_rng|Generator|SeedSequence|BitGenerator|PCG64|Philox)\w+")
IGNORE_WITH_REASON = re.compile(r"#\s*type:\s*ignore\[[\w,\s-]+\]\s+#\s*\S+")
WRITERS = {"write_text", "write_bytes", "to_netcdf", "to_csv", "savez", "savetxt"}
# Only the store writes; pooch, which downloads, is the one exception.
MAY_WRITE = {"engine/store.py", "datasets/fetch.py"}


def test_modules_are_short():
    assert [
        f"{m.name}: {len(m.text.splitlines())}" for m in modules() if len(m.text.splitlines()) > LONGEST_MODULE
    ] == []


def test_functions_are_short():
    assert [f"{each}: {each.n_lines}" for each in functions() if each.n_lines > LONGEST_FUNCTION] == []
    assert np.percentile([each.n_lines for each in functions()], 95) <= P95_FUNCTION


def test_signatures_are_short():
    crowded = [f"{each}: {len(each.parameters)}" for each in functions() if len(each.parameters) > MOST_PARAMETERS]
    assert crowded == []


def _annotated(each: Function) -> bool:
    named = each.node.name in ("__init__", "__post_init__") or each.node.returns is not None
    return named and all(parameter.annotation is not None for parameter in each.parameters)


def test_everything_is_annotated():
    assert [str(each) for each in functions() if not _annotated(each)] == []


def test_every_public_name_is_documented():
    bare = [m.name for m in modules() if not ast.get_docstring(m.tree)]
    bare += [str(each) for each in functions() if each.public and not ast.get_docstring(each.node)]
    bare += [
        f"{m.name}: class {node.name}"
        for m in modules()
        for node in m.tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert bare == []


def test_a_module_opens_with_one_line_for_a_newcomer():
    long = [m.name for m in modules() if len((ast.get_docstring(m.tree) or "").split("\n\n")[0].split("\n")) > 3]
    assert long == []


def test_no_module_has_a_vague_name():
    assert [m.name for m in modules() if m.path.stem in VAGUE_NAMES] == []


def test_nothing_prints():
    named = [(m, call.func) for m in modules() for call in calls(m)]
    assert [m.name for m, func in named if isinstance(func, ast.Name) and func.id == "print"] == []


def test_no_blind_except():
    blind = []
    for m in modules():
        for node in ast.walk(m.tree):
            if isinstance(node, ast.ExceptHandler):
                caught = "everything" if node.type is None else ast.unparse(node.type)
                if re.search(r"\b(everything|Exception|BaseException)\b", caught):
                    blind.append(f"{m.name}:{node.lineno} catches {caught}")
    assert blind == []


def test_a_type_ignore_names_its_error_and_says_why():
    found = [
        f"{m.name}:{number}"
        for m in modules()
        for number, line in enumerate(m.text.splitlines(), 1)
        if "type: ignore" in line and not IGNORE_WITH_REASON.search(line)
    ]
    assert found == []


def test_no_legacy_randomness():
    everywhere = [*ROOT.glob("src/**/*.py"), *ROOT.glob("tests/**/*.py"), *ROOT.glob("benchmarks/*.py")]
    found = [path.name for path in everywhere if LEGACY_RANDOM.search(path.read_text(encoding="utf-8"))]
    assert found == []


def _forwards(each: Function) -> bool:
    taken = each.node.args.kwarg
    passed = [k.value for c in ast.walk(each.node) if isinstance(c, ast.Call) for k in c.keywords if k.arg is None]
    return taken is not None and any(isinstance(value, ast.Name) and value.id == taken.arg for value in passed)


def test_keywords_are_not_passed_through():
    assert [str(each) for each in functions() if _forwards(each) and each.module.name not in MAY_FORWARD] == []


def _opens_for_writing(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in WRITERS:  # forms.to_netcdf makes bytes, as every to_netcdf without a path does
        return bool(call.args) and not ast.unparse(call.func).startswith("forms.")
    if name not in ("open", "fdopen", "ZipFile", "File"):
        return False
    modes = [arg.value for arg in [*call.args, *(k.value for k in call.keywords)] if isinstance(arg, ast.Constant)]
    return any(isinstance(mode, str) and re.fullmatch(r"[rwaxbt]*[wax+][bt+]*", mode) for mode in modes)


def test_only_the_store_writes_files():
    writers = [f"{m.name}:{c.lineno}" for m in modules() for c in calls(m) if _opens_for_writing(c)]
    assert [where for where in writers if where.split(":")[0] not in MAY_WRITE] == []


def test_no_mutable_module_state_is_declared_global():
    found = [m.name for m in modules() for node in ast.walk(m.tree) if isinstance(node, ast.Global)]
    assert found == []
