"""Which studies there are; a study's own module is read only when the study is asked for."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module

from consona.core.errors import ConfigError
from consona.engine.config import Study

_WHERE = {
    "valence-axis": "consona.studies.valence_axis:ValenceAxis",
    "eeg-emotion": "consona.studies.eeg_emotion:EEGEmotion",
    "guided-reasoning": "consona.studies.guided_reasoning:GuidedReasoning",
    "scene-captions": "consona.studies.scene_captions:SceneCaptions",
    "emotion-neurons": "consona.studies.emotion_neurons:EmotionNeurons",
    "alignment": "consona.studies.alignment:Alignment",
}


class _Registry(Mapping[str, type[Study]]):
    """Studies by the name that the command line uses."""

    def __getitem__(self, name: str) -> type[Study]:
        module, _, kind = _WHERE[name].partition(":")
        study: type[Study] = getattr(import_module(module), kind)
        return study

    def __iter__(self) -> Iterator[str]:
        return iter(_WHERE)

    def __len__(self) -> int:
        return len(_WHERE)


STUDIES: Mapping[str, type[Study]] = _Registry()


def study_named(name: str) -> type[Study]:
    """One study by its name.

    Raises
    ------
    ConfigError
        When there is none of that name; the nearest one is given.
    """
    if name in _WHERE:
        return STUDIES[name]
    close = get_close_matches(name.lower().replace("_", "-"), _WHERE, n=1, cutoff=0.5)
    hint = f"Did you mean '{close[0]}'?" if close else f"There are: {', '.join(_WHERE)}."
    raise ConfigError(f"There is no study '{name}'. {hint}")
