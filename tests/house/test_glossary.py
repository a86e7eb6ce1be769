"""Every public parameter is a word of the glossary, and no refused word is one."""

import re

from package_source import ROOT, functions

GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
# Where the field's words are used, their rejected twins are not. The engine and the report have nouns of their own.
SCIENCE = ("core", "stats", "lm", "brain", "datasets", "alignment", "concepts", "training", "studies")
REFUSED_WORDS = {
    *(
        "trial",
        "trials",
        "sample",
        "samples",
        "participant",
        "participants",
        "neuroid",
        "unit",
        "units",
    ),
    *("component", "stream", "lambda", "lam", "reg", "chunk", "job", "jobs", "task", "hook"),
}
REFUSED_VERBS = ("get_", "compute_", "do_", "process_", "handle_")


def parameters() -> dict[str, list[str]]:
    """Where each public parameter is used."""
    used: dict[str, list[str]] = {}
    for each in functions():
        for parameter in each.parameters if each.public else ():
            if not parameter.arg.startswith("_"):
                used.setdefault(parameter.arg, []).append(str(each))
    return used


def vocabulary() -> set[str]:
    """Everything in backticks in the last section."""
    return set(re.findall(r"`([^`]+)`", GLOSSARY.split("## Words of parameter names", 1)[1]))


def test_every_parameter_is_made_of_words_of_the_glossary():
    known = vocabulary()
    known |= {f"{word}s" for word in known}
    unknown = {name: where[0] for name, where in parameters().items() if not set(name.split("_")) <= known}
    assert unknown == {}


def test_no_parameter_has_a_refused_name():
    found = {
        name: [each for each in where if each.startswith(SCIENCE)]
        for name, where in parameters().items()
        if REFUSED_WORDS & set(name.split("_"))
    }
    assert {name: where for name, where in found.items() if where} == {}


def test_no_function_has_a_refused_verb():
    assert [str(each) for each in functions() if each.node.name.lstrip("_").startswith(REFUSED_VERBS)] == []
