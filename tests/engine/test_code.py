"""Which edits make a step run again, and which do not?"""

import functools

import numpy as np
import pytest
from conducted_steps import capture

from consona.engine.code import Code, describe
from consona.engine.fingerprint import NotCacheable, fingerprint

FILES = {
    "__init__": "from toy.report import draw\n",
    "steps": '''
        """The steps."""
        from typing import TYPE_CHECKING
        from toy import numbers
        from toy.nouns import Noun
        if TYPE_CHECKING:
            from toy.report import draw

        def step(x):
            """Do it."""
            import toy.late
            from .relative import one
            return numbers.two + x  # comment
        ''',
    "numbers": "two = 2\n",
    "nouns": "from toy.deep.errors import Error\nclass Noun: pass\n",
    "deep/__init__": "",
    "deep/errors": "class Error(Exception): pass\n",
    "late": "late = 1\n",
    "relative": "one = 1\n",
    "report": "def draw(): pass\n",
}


@pytest.fixture
def toy(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / "toy" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(line.removeprefix("        ") for line in text.splitlines()))
    return tmp_path / "toy"


def test_the_cone_holds_what_is_imported_anywhere_and_nothing_else(toy):
    names = ["toy.deep.errors", "toy.late", "toy.nouns", "toy.numbers", "toy.relative", "toy.steps"]
    assert list(Code(toy).cone("toy.steps")) == names


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("steps", "Do it.", "Do it well."),
        ("steps", "# comment", "# another"),
        ("steps", "return numbers.two + x", "return (numbers.two +\n                    x)"),
        ("report", "pass", "return 1"),
        ("__init__", "draw", "draw as d"),
    ],
)
def test_words_and_layout_and_what_lies_above_do_not_count(toy, name, old, new):
    assert _edited(toy, name, old, new)[0] == _edited(toy, name, new, old)[1]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("steps", "numbers.two + x", "numbers.two - x"),
        ("steps", "return numbers.two + x", "'text'; return numbers.two + x"),
        ("numbers", "2", "3"),
        ("deep/errors", "Exception", "ValueError"),
        ("late", "1", "'1'"),
        ("relative", "1", "1.0"),
    ],
)
def test_an_edit_anywhere_in_the_cone_counts(toy, name, old, new):
    before, after = _edited(toy, name, old, new)
    assert before != after


def _edited(toy, name, old, new):
    path = toy / f"{name}.py"
    before = Code(toy).cone("toy.steps")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return before, Code(toy).cone("toy.steps")


def test_what_is_edited_while_a_run_is_under_way_does_not_count_for_it(toy):
    code = Code(toy)
    before = code.cone("toy.steps")
    (toy / "numbers.py").write_text("two = 4\n")
    assert code.cone("toy.steps") == before != Code(toy).cone("toy.steps")


def test_real_cones_are_short():
    cone = Code().cone("consona.lm.model")
    floors = {module.split(".")[1] for module in cone}
    assert floors == {"core", "lm"}
    assert list(describe(capture, Code()).modules) == [
        "conducted_steps",
        "consona.core.errors",
        "consona.core.features",
        "consona.core.invariants",
        "consona.core.separable",
        "consona.core.stimuli",
    ]


def _made(k):
    def inner(x):
        return x + k

    return inner


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: x, "lambda"),
        (_made(1), "made inside another function"),
        (np.mean, "neither part of consona nor a file of yours"),
        (len, "neither part of consona nor a file of yours"),
        (functools.partial(lambda x: x, 1), "lambda"),
        (functools.partial(capture, seed=object()), "type object has no fingerprint"),
    ],
)
def test_functions_without_a_lasting_identity_are_not_kept(function, words):
    with pytest.raises(NotCacheable, match=words):
        describe(function, Code())
    assert fingerprint(function) is None
