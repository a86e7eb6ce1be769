"""The random twin of a language model: what the architecture and the tokenizer do without anything learnt."""

import copy
import hashlib
import json
from dataclasses import replace
from functools import partial

import torch
from transformers import AutoModel, AutoModelForCausalLM

from consona.core.errors import InvalidInput
from consona.lm.loading import language_model_of
from consona.lm.model import LanguageModel
from consona.lm.origin import Origin
from consona.lm.sources import Source

_NOT_BUILT = ("_name_or_path", "transformers_version")  # of a configuration: where it lay, and who wrote it


def random_twin(lm: LanguageModel, *, seed: int) -> LanguageModel:
    """The same architecture, tokenizer, dtype and device with weights drawn anew by the architecture's initialiser.

    It is tested at once like any model that is loaded. Its fingerprint counts configuration, tokenizer, dtype and
    ``seed``, not the weights of ``lm``: two models of one configuration have the same twin. An adapter has no part in
    it. The caller's random state is left as it was.

    Raises
    ------
    InvalidInput
        When the model is edited (a direction of the trained model means nothing in its twin) or the seed is negative.
    """
    if lm.edits:
        raise InvalidInput(
            f"{lm!r} has {len(lm.edits)} edits, which mean nothing in a model with other weights. Take the twin of the "
            "intact model."
        )
    if seed < 0:
        raise InvalidInput(f"The seed is {seed}; a seed is 0 or a positive integer.")
    config = copy.deepcopy(lm.network.config)
    built = {key: each for key, each in config.to_dict().items() if key not in _NOT_BUILT}
    identity = hashlib.sha256(json.dumps(built, sort_keys=True, default=str).encode()).hexdigest()
    kind = AutoModelForCausalLM if lm.family.causal else AutoModel
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        drawn = kind.from_config(config, dtype=getattr(torch, lm.dtype)).to(lm.network.device)
    facts = {"config.json": identity, "weights": f"random, seed {seed}"}
    source = Source(f"{lm.source.name} (random weights, seed {seed})", files=facts, weights=f"random, seed {seed}")
    twin = language_model_of(drawn, lm.tokenizer, source=source, chat_template=lm.chat_template)
    own = twin.fingerprint()
    if lm.origin is None or own is None:
        return twin
    return replace(twin, origin=Origin(own, partial(_again, lm.origin, seed)))


def _again(origin: Origin, seed: int) -> LanguageModel:
    """The twin in another process, which is sent what makes the model and not the model."""
    return random_twin(origin.make(), seed=seed)
