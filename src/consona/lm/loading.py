"""Load a language model from the Hub, from a folder, or the packaged MiniLM, and test it before it is used."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch
import transformers.utils.logging as transformers_logging
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from consona.core.errors import ConfigError, ModelError
from consona.lm.model import LanguageModel
from consona.lm.origin import Origin
from consona.lm.packing import Layout, longest_together, most_in_a_row
from consona.lm.parity import TOLERANCE, parity_of
from consona.lm.sites import Family, family_of, text_network
from consona.lm.sources import MINILM, Source, config_of, resolved
from consona.lm.states import Machine

# The activations of a pack should stay in the cache of a core, so wider models get fewer tokens (measured with
# benchmarks/capture.py); an accelerator wants many at a time.
_PACK_TOKENS, _NARROW, _PACK_TOKENS_WIDE, _PACK_TOKENS_ACCELERATOR = 1024, 512, 640, 8192
DeviceMap = str | Mapping[str, int | str]
_MAPS = ("auto", "balanced", "balanced_low_0", "sequential")
# Weights that a checkpoint may lack without harm: heads that are not used, tied or not there.
_MAY_LACK = ("lm_head", "embed_out", "pooler", "cls.", "position_ids")


def load_language_model(
    name: str,
    *,
    revision: str | None = None,
    dtype: str = "float32",
    device: str = "cpu",
    device_map: DeviceMap | None = None,
    chat_template: bool = False,
) -> LanguageModel:
    """Load a language model and test it against its own hidden states.

    Parameters
    ----------
    name
        A Hub id (``"Qwen/Qwen3-4B"``), a local folder, or ``"minilm"``: the real all-MiniLM-L6-v2 (extra ``demo``).
    revision
        Branch, tag or commit of the Hub; resolved to a commit, which is recorded. Offline, the local cache is used.
    dtype
        ``float32``, ``bfloat16`` or ``float16``; it changes numbers and belongs to the fingerprint.
    device
        A torch device, or ``"auto"``: as ``device_map="auto"``.
    device_map
        How a model is spread: ``"auto"`` (and what else accelerate knows: ``"balanced"``, ``"sequential"``), or a
        device for every module by its path, ``{"": "cuda:0"}`` for all. States are pooled where they are made, so a
        layer is never kept whole. It belongs to no fingerprint, and stands in place of ``device``.
    chat_template
        Put every text as one user turn in the model's chat markup.

    Raises
    ------
    ModelError
        When the model is unknown, gated, not safe to open, of a family without site table, or fails its test.
    MissingExtra
        When ``minilm`` is not installed.
    ConfigError
        When dtype or device do not exist, or device and device_map are both given, or the map names the disk.
    """
    if dtype not in TOLERANCE:
        raise ConfigError(f"There is no dtype '{dtype}'; there are {', '.join(TOLERANCE)}.")
    spread = _spread(device, device_map)
    with quiet_transformers():
        source = resolved(name, revision)
        family = family_of(config_of(source))
        model, has_head = _loaded(source, family, dtype, spread or device)
        made = language_model_of(model, _tokenizer(source), source=source, chat_template=chat_template)
    load = partial(load_language_model, dtype=dtype, device=device, device_map=device_map)
    loader = partial(load, chat_template=chat_template)
    return _with_origin(made if has_head else replace(made, head=None), name, loader)


def _with_origin(lm: LanguageModel, name: str, loader: Callable[..., LanguageModel]) -> LanguageModel:
    """The model, and how another process loads the same: a commit of the Hub, or a folder wherever it looks from."""
    local = not lm.source.revision and name != MINILM
    place = str(lm.source.folder.resolve()) if local else name
    own = lm.fingerprint()
    again = partial(loader, place, revision=lm.source.revision or None)
    return lm if own is None else replace(lm, origin=Origin(own, again))


def language_model_of(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    *,
    source: Source | None = None,
    chat_template: bool = False,
) -> LanguageModel:
    """A language model from a transformers model in memory, tested like any other.

    Of a model for images and text, the text part is kept. Without a ``source`` its origin is unknown, so its
    fingerprint is None and nothing read from it is stored.

    Raises
    ------
    ModelError
        When the family has no site table, or what is read differs from the model's own hidden states.
    """
    family = family_of(model.config)
    network, head = text_network(model.eval(), family), model.get_output_embeddings() if family.causal else None
    layout = layout_of(network, packed=False)
    dtype = str(network.dtype).removeprefix("torch.")
    pad = tokenizer.pad_token_id
    with quiet_transformers():
        parity = parity_of(Machine(network, family, layout, pad if isinstance(pad, int) else 0), dtype)
    size = 1 if parity.layout == "alone" else layout.batch_size
    layout = replace(layout, packed=parity.layout == "packed", batch_size=size)
    origin = source or Source("in memory")
    return LanguageModel(network, tokenizer, family, origin, parity, layout, dtype, head, chat_template=chat_template)


def layout_of(network: PreTrainedModel, *, packed: bool) -> Layout:
    """How texts share a pass in a model of this width, with these windows, on this device."""
    config = network.config
    n_tokens = _PACK_TOKENS if int(config.hidden_size) <= _NARROW else _PACK_TOKENS_WIDE
    n_tokens = n_tokens if network.device.type == "cpu" else _PACK_TOKENS_ACCELERATOR
    return Layout(packed, min(n_tokens, most_in_a_row(config)), longest=longest_together(config))


def _spread(device: str, device_map: DeviceMap | None) -> dict[str, Any] | None:
    """What transformers is told of several devices; None for one."""
    if device_map is None:
        return {"device_map": "auto"} if device == "auto" else None
    if device != "cpu":
        raise ConfigError(f"Give device='{device}' or device_map={device_map!r}, not both.")
    if isinstance(device_map, str):
        if device_map not in _MAPS:
            raise ConfigError(f"There is no device_map '{device_map}'; there are {', '.join(_MAPS)}, or a mapping.")
        return {"device_map": device_map}
    if "disk" in device_map.values():
        raise ConfigError("Weights on disk are read anew for every pass; take a smaller dtype or more devices.")
    return {"device_map": dict(device_map)}


def _loaded(source: Source, family: Family, dtype: str, place: str | dict[str, Any]) -> tuple[PreTrainedModel, bool]:
    """The model, and whether its head is its own, from safetensors only, running no code of the repository."""
    kind = AutoModelForCausalLM if family.causal else AutoModel
    spread = {} if isinstance(place, str) else place
    try:
        loaded: Any = kind.from_pretrained(
            source.folder,
            dtype=getattr(torch, dtype),
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            **spread,
        )
        model, info = loaded
        if isinstance(place, str):
            model = model.to(torch.device(place))
    except (OSError, ValueError, RuntimeError, AssertionError) as error:
        reason = str(error).strip().split("\n")[0][:300]
        raise ModelError(f"'{source.name}' cannot be loaded as {dtype} on {place!r}: {reason}") from None
    missing = sorted(key for key in info["missing_keys"] if not any(part in key for part in _MAY_LACK))
    if missing or info.get("mismatched_keys"):
        raise ModelError(
            f"The weights of '{source.name}' do not fit its configuration: {len(missing)} are missing "
            f"({', '.join(missing[:3])} …) and {len(info.get('mismatched_keys', ()))} have another shape. "
            "They would be random. Download the model again, or take the configuration that belongs to it."
        )
    return model, not any("lm_head" in key or "embed_out" in key for key in info["missing_keys"])


def _tokenizer(source: Source) -> PreTrainedTokenizerFast:
    try:
        tokenizer = AutoTokenizer.from_pretrained(source.folder, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, KeyError, ImportError) as error:
        reason = str(error).strip().split("\n")[0][:200]
        raise ModelError(f"The tokenizer of '{source.name}' cannot be loaded: {reason}") from None
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise ModelError(
            f"The tokenizer of '{source.name}' has no tokenizer.json; consona needs one to map characters to tokens. "
            "Convert it with transformers and save it beside the weights."
        )
    return tokenizer


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep the library's loading bars and hints off the screen, and put its settings back as they were."""
    verbosity, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()
