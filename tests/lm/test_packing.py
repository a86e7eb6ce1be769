"""The plan of passes: every text once, none too large, positions that restart; and attention that stays inside."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoConfig

from consona.lm.packing import Layout, attend_within_texts, longest_together, most_in_a_row, pack, planned

some_lengths = st.lists(st.integers(1, 40), min_size=1, max_size=60)
layouts = st.builds(
    Layout,
    st.booleans(),
    st.integers(1, 100),
    st.integers(1, 9),
    st.integers(1, 50),
    st.sampled_from(["left", "right"]),
)


@given(some_lengths, layouts)
def test_every_text_is_in_exactly_one_pass_of_bounded_size(lengths, layout):
    """Memory follows the largest pass, not the corpus."""
    ids = [list(range(100 * i, 100 * i + n)) for i, n in enumerate(lengths)]
    batches = list(planned(ids, layout, pad=7))
    assert sorted(torch.cat([batch.members for batch in batches]).tolist()) == list(range(len(ids)))
    for batch in batches:
        flat, positions = batch.ids.flatten(), batch.positions.flatten()
        for i, start, length in zip(batch.members.tolist(), batch.starts.tolist(), batch.lengths.tolist()):
            assert flat[start : start + length].tolist() == ids[i]
            assert positions[start : start + length].tolist() == list(range(length))
        if len(batch.members) > 1:
            assert int(batch.lengths.max()) <= layout.longest
            assert batch.ids.numel() <= layout.n_tokens if batch.packed else len(batch.members) <= layout.batch_size


class Causal:
    is_causal = True


class Encoder:
    is_causal = False


@pytest.mark.parametrize("module", [Causal(), Encoder()])
@pytest.mark.parametrize("softcap", [None, 3.0])
@pytest.mark.parametrize("n_shared", [1, 2])
def test_attention_is_that_of_each_text_alone(module, softcap, n_shared):
    """Against the formula, written out per text and head."""
    lengths, heads, width = [1, 3, 3, 5, 5, 5, 8], 4, 6
    rng = np.random.default_rng(4)
    q = rng.normal(size=(1, heads, sum(lengths), width)).astype(np.float32)
    k, v = rng.normal(size=(2, 1, heads // n_shared, sum(lengths), width)).astype(np.float32)
    batch = pack([[0] * n for n in lengths], range(len(lengths)))
    tensors = (torch.from_numpy(each) for each in (q, k, v))
    found, weights = attend_within_texts(module, *tensors, batch.mask, 0.5, softcap=softcap, sliding_window=None)
    assert weights is None
    for start, n in zip(batch.starts.tolist(), lengths):
        part = slice(start, start + n)
        for head in range(heads):
            scores = 0.5 * q[0, head, part].astype(float) @ k[0, head // n_shared, part].T
            scores = scores if softcap is None else softcap * np.tanh(scores / softcap)
            scores = np.where(np.triu(np.ones((n, n)), 1) * module.is_causal, -np.inf, scores)
            soft = np.exp(scores - scores.max(1, keepdims=True))
            expected = soft / soft.sum(1, keepdims=True) @ v[0, head // n_shared, part]
            np.testing.assert_allclose(found[0, part, head].numpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("family", "options", "limit"),
    [
        ("llama", {}, 2**31 - 1),
        ("mistral", {"sliding_window": 24}, 24),
        ("gemma3_text", {"sliding_window": 512}, 512),
        ("qwen2", {"use_sliding_window": False, "sliding_window": 32}, 2**31 - 1),
        ("phi3", {"original_max_position_embeddings": 4096}, 4096),
        ("llama4_text", {"attention_chunk_size": 100, "floor_scale": 8192}, 100),
    ],
)
def test_texts_beyond_windows_and_changes_of_rotation_share_no_pass(family, options, limit):
    assert longest_together(AutoConfig.for_model(family, **options)) == limit


def test_a_row_of_llama_4_ends_where_its_queries_are_rescaled():
    assert most_in_a_row(AutoConfig.for_model("llama4_text", floor_scale=50)) == 49
