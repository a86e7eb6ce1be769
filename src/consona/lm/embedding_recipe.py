"""How a sentence-embedding model makes one vector of its tokens: read from the files beside its weights."""

import json
from dataclasses import dataclass
from typing import Any

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

from consona.core.errors import ModelError
from consona.lm.model import LanguageModel
from consona.lm.pooling import Pooling
from consona.lm.sources import Source

# The names of sentence-transformers, and ours; what is missing here is refused.
_POOLINGS: dict[str, Pooling] = {"mean": "mean", "cls": "cls", "lasttoken": "last"}
_OLD_NAMES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_KNOWN = ("Transformer", "Pooling", "Normalize")
_NO_LIMIT = 1_000_000
_AS_LOADED = Source("").weights


@dataclass(frozen=True)
class EmbeddingRecipe:
    """What is done with a text before and after the network.

    Parameters
    ----------
    pooling
        ``mean`` over tokens, ``cls`` or ``last``.
    unit_length
        Whether the vector is brought to length one.
    max_tokens
        Length at which the model cuts a text.
    prompt
        What is put before every text.
    lower_case
        Whether a text is put in lower case first.
    """

    pooling: Pooling
    unit_length: bool
    max_tokens: int = _NO_LIMIT
    prompt: str = ""
    lower_case: bool = False

    def worded(self, text: str) -> str:
        """The text as the network gets it."""
        whole = self.prompt + text.strip()
        return whole.lower() if self.lower_case else whole


def recipe_of(lm: LanguageModel) -> EmbeddingRecipe:
    """The recipe in the folder of a model.

    Raises
    ------
    ModelError
        When there is none, or it holds a module, a pooling or a kind of prompt that is not known here.
    """
    modules = _json(lm.source, "modules.json")
    if not modules:
        raise ModelError(
            f"'{lm.source.name}' has no modules.json, so nobody says how its tokens become one vector. Take a "
            "sentence-embedding model ('minilm', 'sentence-transformers/all-mpnet-base-v2'), give like= such a model "
            "for its random twin, or read states with capture(pooling='mean')."
        )
    kinds = [str(each["type"]).split(".")[-1] for each in modules]
    if kinds not in (list(_KNOWN), list(_KNOWN[:2])):
        raise ModelError(
            f"'{lm.source.name}' makes its embeddings in the steps {', '.join(kinds)}; known are Transformer, Pooling "
            "and, at the end, Normalize. Compute them with the library of the model and pass them as Features."
        )
    length = _json(lm.source, "sentence_bert_config.json") or {}
    return EmbeddingRecipe(
        _pooling(lm.source, str(modules[1]["path"])),
        len(kinds) == len(_KNOWN),
        int(length.get("max_seq_length") or _NO_LIMIT),
        _prompt(lm.source),
        bool(length.get("do_lower_case")),
    )


def _pooling(source: Source, folder: str) -> Pooling:
    config = _json(source, f"{folder}/config.json")
    if not config:
        raise ModelError(f"'{source.name}' has no {folder}/config.json, which says how tokens are pooled. Download it.")
    given = config.get("pooling_mode")
    old = [name for key, name in _OLD_NAMES.items() if config.get(key)]
    names = old if given is None else [given] if isinstance(given, str) else list(given)
    prompt = " without its prompt" if config.get("include_prompt") is False else ""
    if len(names) != 1 or names[0] not in _POOLINGS or prompt:
        raise ModelError(
            f"The pooling of '{source.name}' is {' and '.join(names) or 'not named'}{prompt}; known is one of "
            f"{', '.join(_POOLINGS)}, over all tokens."
        )
    return _POOLINGS[names[0]]


def _prompt(source: Source) -> str:
    config = _json(source, "config_sentence_transformers.json") or {}
    name = config.get("default_prompt_name")
    return str((config.get("prompts") or {}).get(name, "")) if name else ""


def _json(source: Source, path: str) -> Any:
    """A file beside the weights; None where there is none. Folders of the Hub are fetched file by file."""
    if source.weights != _AS_LOADED or not (source.files or source.revision):
        return None  # a random twin or a model in memory has no folder
    place = source.folder / path
    if not place.is_file() and source.revision and "/" in path:
        _fetch(source, path)
    try:
        return json.loads(place.read_text(encoding="utf-8")) if place.is_file() else None
    except ValueError as error:
        raise ModelError(f"The file {path} of '{source.name}' is no JSON: {error}. Download it again.") from None


def _fetch(source: Source, path: str) -> None:
    """Bring one more file of a Hub model into the folder where its weights are; one that does not exist stays away."""
    try:
        hf_hub_download(source.name, path, revision=source.revision)
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, EntryNotFoundError, HTTPError) as error:
        absent = isinstance(error, EntryNotFoundError) and not isinstance(error, LocalEntryNotFoundError)
        if not absent:
            raise ModelError(
                f"The file {path} of '{source.name}' is not in the local cache, and the Hub cannot be reached "
                f"({type(error).__name__}). Load the model once with a connection."
            ) from None
