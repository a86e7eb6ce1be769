"""Is a study file read as it was meant, and a slip answered with the nearest real word? (F25)"""

import tomllib
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from consona.core.errors import ConfigError
from consona.engine.config import Execution, Study, dump_toml, load_toml, parse_override


class Axis(BaseModel, extra="forbid", frozen=True):
    positive: str = "joy"


class Valence(Study):
    name = "valence-axis"
    question = "Is it in the EEG?"
    layer: int = Field(default=-2, description="Block to read, counted from the end.")
    site: Literal["resid.pre", "resid.post"] = Field(default="resid.post", description="Where.")
    alphas: tuple[float, ...] = (0.1, 1e20)
    model: str | None = None
    axis: Axis = Axis()
    text: str = 'quotes " and \\ and\nlines é'
    needed: int = Field(description="No default.")


STUDIES = {"valence-axis": Valence}
HEAD = 'study = "valence-axis"\n[science]\nneeded = 1\n'


def loaded(tmp_path, text, *overrides):
    path = tmp_path / "study.toml"
    path.write_text(text)
    return load_toml(path, STUDIES, overrides)


def test_values_come_from_the_file_and_from_set(tmp_path):
    read = loaded(
        tmp_path, HEAD + "layer = -4\n[execution]\nblock_size = 8\n", "science.layer=-1", "science.axis.positive=awe"
    )
    assert (read.study.layer, read.study.axis.positive, read.execution.block_size) == (-1, "awe", 8)
    assert read.study.needed == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('study = "valence-axes"', "no study 'valence-axes'. Did you mean 'valence-axis'?"),
        ("[science]\n", "the line study"),
        (HEAD + "layr = 1", "unknown key 'layr'. Did you mean 'layer'?"),
        (HEAD + "[sciense]\nlayer = 1", "unknown table or key 'sciense'. Did you mean 'science'?"),
        (HEAD + "[execution]\ndevise = 'cpu'", "Did you mean 'device'?"),
        (HEAD + "axis = {positiv = 'x'}", "unknown key 'axis.positiv'. Did you mean 'positive'?"),
        (HEAD + "layer = 'two'", "'layer' is 'two'; .* It is: Block to read"),
        (HEAD + "site = 'mlp'", "'site' is 'mlp'; .*resid.pre"),
        (HEAD + "[execution]\nblock_size = 0", "'block_size' is 0"),
        (
            HEAD + "[execution]\ndevice = 'cuda:x'",
            "'device' is 'cuda:x'; A device is cpu, auto, .* such as cuda:1\\. It is",
        ),
        (HEAD + "alphas = [0.1, 'b']", r"'alphas' is 'b'; .*\.$"),
        (HEAD + "axis = {positive = 3}", r"'axis.positive' is 3; .*\.$"),
        ('study = "valence-axis"\n', "'needed' has no default and must be given. It is: No default."),
        (HEAD + "layer = ", "not valid TOML"),
        (HEAD + "layer = !!python/object", "not valid TOML"),
        ("science = 3\n" + HEAD.partition("[")[0], "'science' is a table"),
    ],
)
def test_a_slip_is_named_and_answered(tmp_path, text, words):
    with pytest.raises(ConfigError, match=words):
        loaded(tmp_path, text)


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(ConfigError, match="There is no file"):
        load_toml(tmp_path / "none.toml", STUDIES)
    with pytest.raises(ConfigError, match="is a folder"):
        load_toml(tmp_path, STUDIES)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not a text file"):
        load_toml(tmp_path / "binary", STUDIES)


@pytest.mark.parametrize("text", ["layer=1", "science.layer", "sience.layer=1", "science.=1"])
def test_set_takes_a_path_and_a_value(text):
    with pytest.raises(ConfigError, match="--set takes"):
        parse_override(text)
    assert parse_override("science.layers=[1, 2]") == (("science", "layers"), [1, 2])
    assert parse_override("execution.device=cuda:1") == (("execution", "device"), "cuda:1")


def test_what_is_written_is_read_back_and_the_defaults_are_commented(tmp_path):
    study = Valence(needed=5, layer=3, model="a/b", axis=Axis(positive="awe"))
    execution = Execution(threads=2)
    read = loaded(tmp_path, dump_toml(study, execution))
    assert (read.study, read.execution) == (study, execution)
    template = dump_toml(Valence)
    assert "# Block to read, counted from the end.\nlayer = -2\n" in template
    assert "# Where. One of: resid.pre, resid.post.\n" in template
    assert "# model =\n" in template
    assert tomllib.loads(template)["science"]["text"] == study.text
