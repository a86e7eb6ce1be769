"""Two models that learned something: the packaged MiniLM, and a Llama of 260,000 weights that tells stories."""

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from consona.core.stimuli import Stimuli
from consona.lm import load_language_model

SENTENCES = (
    "The child laughed and ran into the garden.",
    "Rain.",
    "Nobody had told her that the train would leave without him, and so she waited on the platform until night fell.",
    "He sold the old piano to pay the rent.",
    "Ein Hund bellt 🐕, und niemand hört ihn.",
    "שלום עולם",
)


@pytest.fixture(scope="module")
def minilm():
    return load_language_model("minilm")


def test_minilm_is_packed_and_equals_its_own_states(minilm):
    assert minilm.parity.layout == "packed"
    assert minilm.parity.sites < 1e-6
    assert minilm.parity.packed < 1e-5  # 2e-6 seen: matrix products round differently for two tokens and for forty
    stimuli = Stimuli.of(list(SENTENCES))
    features = minilm.capture(stimuli)
    for row, text in enumerate(SENTENCES):
        ids = torch.tensor([minilm.tokenizer(text).input_ids])
        with torch.no_grad():
            states = minilm.network(ids, output_hidden_states=True).hidden_states[1:]
        expected = np.stack([state[0, -1].numpy() for state in states])
        np.testing.assert_allclose(features.data.values[row], expected, rtol=1e-4, atol=1e-5)


def test_the_mean_of_minilm_is_what_sentence_transformers_pools(minilm):
    peer = SentenceTransformer(str(minilm.source.folder), device="cpu")
    tokens = peer.encode(list(SENTENCES), output_value="token_embeddings", show_progress_bar=False)
    ours = minilm.capture(Stimuli.of(list(SENTENCES)), pooling="mean").layer(-1)
    for row, states in zip(ours, tokens):
        np.testing.assert_allclose(row, states.mean(0).numpy(), atol=1e-5)
    unit = ours / np.linalg.norm(ours, axis=1, keepdims=True)
    np.testing.assert_allclose(unit, peer.encode(list(SENTENCES), show_progress_bar=False), atol=1e-5)


@pytest.fixture(scope="module")
def storyteller(data_folder):
    return load_language_model(str(data_folder / "stories260K" / "hf"))


@pytest.mark.data
def test_the_storyteller_loads_and_is_as_surprised_as_published(storyteller):
    ordered = "The little boy was happy because he found his toy in the park."
    shuffled = "toy because park his was the boy happy little in the he found."
    surprisal = storyteller.surprisal(Stimuli.of([ordered, shuffled]))
    np.testing.assert_allclose(surprisal, [1.7195, 4.5190], atol=5e-5)  # four decimals are published
    assert storyteller.family.name == "llama"
    assert (storyteller.n_layers, storyteller.n_features, storyteller.max_tokens) == (5, 64, 512)


@pytest.mark.data
def test_the_storyteller_goes_on_as_published(storyteller):
    told = storyteller.generate(Stimuli.of(["Once upon a time, there was a little girl"]), max_new_tokens=24)
    assert told["reply"][0].strip().startswith("named Lily. She loved to play outside in the")


@pytest.mark.data
def test_the_storyteller_reads_packed(storyteller):
    stimuli = Stimuli.of(["The dog ran.", "Lily was sad because her toy was lost in the big park.", "Tim"])
    assert storyteller.parity.layout == "packed"
    together = storyteller.capture(stimuli, pooling="mean")
    for name in stimuli.ids:
        alone = storyteller.capture(stimuli.select([name]), pooling="mean")
        np.testing.assert_allclose(together.select([name]).data.values, alone.data.values, rtol=1e-4, atol=1e-5)
