"""Six traps of brain-model comparison, each walked into and each walked around: the figure of docs/method/traps.md.

Everything is noise or a random network, so that every number here has a known truth: nothing is to be found. Needs the
extra ``lm`` for the last panel; about half a minute on a laptop.
"""

import sys
import warnings
from dataclasses import dataclass

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import stats
from scipy.ndimage import gaussian_filter1d

from consona.alignment.encoding import encoding_score
from consona.alignment.split import Split
from consona.core.features import Features
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli
from consona.stats.autocorrelation import content_free_features, suggested_gap
from consona.stats.correlation import pearson_columns
from consona.stats.folds import blocked_folds, inner_folds
from consona.stats.nested_ridge import NestedRidge
from consona.stats.permutation import p_value

LEVEL = 0.05
ALPHAS = np.logspace(-1, 7, 17)  # those of encoding_score
RUN = np.zeros(300, dtype=int)


@dataclass(frozen=True)
class Trap:
    """What was measured, the truth, and the bars: the trap first, the way around last."""

    title: str
    measured: str
    truth: float
    bars: dict[str, float]

    @property
    def wrong(self) -> float:
        """The number that the trap gives."""
        return next(iter(self.bars.values()))

    @property
    def nominal(self) -> float:
        """The number that consona gives with its defaults."""
        return list(self.bars.values())[-1]


def smooth_noise(n: int, n_columns: int, seed: int, sigma: float = 6.0) -> np.ndarray:
    """Stationary noise whose autocorrelation is exp(-lag² / 4 sigma²)."""
    edge = int(5 * sigma)
    white = np.random.default_rng(seed).standard_normal((n + 2 * edge, n_columns))
    return gaussian_filter1d(white, sigma, axis=0)[edge : edge + n]


def nouns(X: np.ndarray, Y: np.ndarray) -> tuple[Stimuli, Features, Recording]:
    """The arrays with ids: one run of stimuli."""
    ids = [f"s{i:04d}" for i in range(len(X))]
    stimuli = Stimuli(pd.DataFrame({"run": "one"}, index=ids))
    return stimuli, Features.of(X, ids), Recording.of(Y, ids, "nobody")


def mean_score(X: np.ndarray, Y: np.ndarray, split: Split) -> float:
    """Mean encoding score over targets, without a null."""
    _, features, recording = nouns(X, Y)
    return float(np.nanmean(encoding_score(features, recording, split=split, n_permutations=0).data))


def share_significant(X: np.ndarray, Y: np.ndarray, split: Split) -> float:
    """Share of targets with p <= .05 against the null of the score."""
    _, features, recording = nouns(X, Y)
    score = encoding_score(features, recording, split=split, n_permutations=59)
    return float((p_value(score.data.values, score.null.values) <= LEVEL).mean())


def content_free() -> tuple[np.ndarray, np.ndarray]:
    """Features that only know when a volume was, and responses that are smooth noise."""
    return content_free_features(RUN, np.arange(300.0), widths=(4.0,)), smooth_noise(300, 100, seed=1)


def shuffled_folds() -> Trap:
    """Single volumes in folds at random: the neighbours of every test volume are in training."""
    X, Y = content_free()
    stimuli, _, _ = nouns(X, Y)
    gap = suggested_gap(Y, RUN)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # blocks that touch are warned about; here they are shown
        bars = {
            "shuffled volumes": mean_score(X, Y, Split.of_shuffled_rows(stimuli, n_folds=10)),
            "blocks that touch": mean_score(X, Y, Split.of_runs(stimuli, n_folds=10, purge=0)),
            f"blocks, gap of {gap}": mean_score(X, Y, Split.of_runs(stimuli, n_folds=10, purge=gap)),
        }
    return Trap("1  Shuffled folds on a time series", "r of features without content", 0.0, bars)


def pooled_predictions() -> Trap:
    """One correlation over the predictions of all folds: their means lean away from the blocks they are tested on."""
    X, Y = content_free()
    gap = suggested_gap(Y, RUN)
    folds = blocked_folds(RUN, 10, purge=gap)
    ridge = NestedRidge.of(X, folds, [inner_folds(folds, k) for k in range(10)], ALPHAS)
    stimuli, _, _ = nouns(X, Y)
    bars = {
        "pooled over folds": float(pearson_columns(ridge.predictions(Y), Y).mean()),
        "per fold, averaged": mean_score(X, Y, Split.of_runs(stimuli, n_folds=10, purge=gap)),
    }
    return Trap("2  Scores pooled over folds", "r of features without content", 0.0, bars)


def parametric_p() -> Trap:
    """Pearson's p believes in 300 independent volumes where there are twenty."""
    wrong, right = [], []
    for draw in range(16):
        X, Y = smooth_noise(300, 1, seed=100 + draw), smooth_noise(300, 25, seed=200 + draw)
        r = pearson_columns(np.tile(X, 25), Y)
        wrong.append((2 * stats.t.sf(np.abs(r) * np.sqrt(298 / (1 - r**2)), 298) <= LEVEL).mean())
        stimuli, _, _ = nouns(X, Y)
        right.append(share_significant(X, Y, Split.of_runs(stimuli, purge=30)))
    bars = {"parametric p": float(np.mean(wrong)), "circular shifts, refitted": float(np.mean(right))}
    return Trap("3  Parametric p on a time series", "p ≤ .05 where nothing is", LEVEL, bars)


def test_over_folds() -> Trap:
    """Five fold scores are not five independent measurements: their training sets overlap."""
    wrong, right = [], []
    for draw in range(10):
        rng = np.random.default_rng(300 + draw)
        X, Y = rng.standard_normal((100, 10)), rng.standard_normal((100, 50))
        stimuli, _, _ = nouns(X, Y)
        split = Split.of_groups(stimuli)
        folds = NestedRidge.of(X, split.folds(), split.inner(), ALPHAS).scores(Y).scores
        wrong.append((stats.ttest_1samp(folds, 0.0).pvalue <= LEVEL).mean())
        right.append(share_significant(X, Y, split))
    bars = {"t-test over 5 folds": float(np.mean(wrong)), "permutation, refitted": float(np.mean(right))}
    return Trap("4  A t-test over folds", "p ≤ .05 where nothing is", LEVEL, bars)


def selection_outside() -> Trap:
    """The 20 of 5000 features that correlate best with all responses, the test ones included; then folds."""
    rng = np.random.default_rng(500)
    X, Y = rng.standard_normal((100, 5000)), rng.standard_normal((100, 200))
    stimuli, _, _ = nouns(X, Y)
    split, selected, every = Split.of_groups(stimuli), [], mean_score(X, Y, Split.of_groups(stimuli))
    for y in Y.T[:20]:
        best = np.argsort(-np.abs(pearson_columns(X, np.tile(y[:, None], 5000))))[:20]
        selected.append(mean_score(X[:, best], y[:, None], split))
    bars = {"20 best of 5000, then folds": float(np.mean(selected)), "all 5000, penalty within folds": every}
    return Trap("5  Selection outside the fold", "r of random features", 0.0, bars)


def padding() -> Trap:
    """A short text beside a long one in a random GPT-2: its last state should not depend on its company."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    from consona.lm import language_model_of

    words = ["[PAD]", "[UNK]", *(f"w{i}" for i in range(60))]
    words_to_number = {word: number for number, word in enumerate(words)}
    backend = Tokenizer(models.WordLevel(words_to_number, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]")
    torch.manual_seed(0)
    sizes = {"n_embd": 64, "n_layer": 4, "n_head": 4, "n_positions": 64, "vocab_size": 64, "initializer_range": 0.1}
    network = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=1, eos_token_id=1)).eval()
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{i}" for i in rng.integers(0, 60, n)) for n in (4, 6, 8, 12, 20, 40)]

    def states(side: str) -> np.ndarray:
        tokenizer.padding_side = side
        batch = tokenizer(texts, padding=True, return_tensors="pt")
        with torch.no_grad():  # neither position_ids nor the last real token: as many scripts do
            out = network(batch["input_ids"], attention_mask=batch["attention_mask"], output_hidden_states=True)
        return out.hidden_states[-2][:, -1].numpy()

    def alone(text: str) -> np.ndarray:
        with torch.no_grad():
            out = network(tokenizer(text, return_tensors="pt")["input_ids"], output_hidden_states=True)
        return out.hidden_states[-2][0, -1].numpy()

    truth = np.stack([alone(text) for text in texts])[:-1]  # the longest is never padded

    def cosine(found: np.ndarray) -> float:
        norms = np.linalg.norm(found, axis=1) * np.linalg.norm(truth, axis=1)
        return float(((found * truth).sum(axis=1) / norms).mean())

    lm = language_model_of(network, tokenizer)
    captured = lm.capture(Stimuli.of(texts), pooling="last", layers=[2]).layer(2)
    bars = {
        "right pad, last index": cosine(states("right")[:-1]),
        "left pad, no position ids": cosine(states("left")[:-1]),
        "consona.lm capture": cosine(captured[:-1]),
    }
    return Trap("6  Padding", "cosine with the text read alone", 1.0, bars)


TRAPS = (shuffled_folds, pooled_predictions, parametric_p, test_over_folds, selection_outside, padding)


def main() -> None:
    """Measure all six, print them, draw them."""
    figure, panels = plt.subplots(3, 2, figsize=(8, 6.4), layout="constrained")
    for panel, trap_of in zip(panels.flat, TRAPS, strict=True):
        trap = trap_of()
        names, values = list(trap.bars), list(trap.bars.values())
        place = np.arange(len(names))[::-1]
        panel.barh(place, values, height=0.55, color=["#c4502b"] * (len(names) - 1) + ["#2a5c9e"])
        panel.axvline(trap.truth, color="#1d2329", linewidth=1.0, linestyle=":")
        low, high = min(0.0, trap.truth, *values), max(trap.truth, *values)
        panel.set_xlim(low - 0.25 * (high - low) * (low < 0), high + 0.25 * (high - low))
        for y, value in zip(place, values, strict=True):
            panel.annotate(
                f"{value:.2f}", (value, y), (4 if value >= 0 else -4, 0), textcoords="offset points",
                va="center", ha="left" if value >= 0 else "right", fontsize=8,
            )  # fmt: skip
            print(f"{trap.title:36s} {names[len(names) - 1 - y]:32s} {value:6.3f}   truth {trap.truth:g}")
        panel.set_yticks(place, names, fontsize=8)
        panel.set_title(trap.title, loc="left", fontsize=9)
        panel.set_xlabel(f"{trap.measured} (dotted: truth)", fontsize=8)
        panel.tick_params(axis="x", labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "traps.png", dpi=110)


if __name__ == "__main__":
    main()
