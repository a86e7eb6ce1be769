"""A story in the scanner: does a language model predict what six language regions do while people hear Alice?

Against the word rate, against the same networks with random weights, and against features that only know where in the
story a volume stands; beside the agreement of people with each other. Needs the extras ``lm`` and ``demo`` and the
corpora ``alice_fmri`` and ``stories260K``; half a minute on a laptop. The first argument is the file of the figure.
"""

import sys
from dataclasses import replace

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

from consona.alignment.ceilings import others_ceiling
from consona.alignment.encoding import encoding_score
from consona.alignment.split import Split
from consona.alignment.time_courses import cleaned, estimated_gap, order_features, volume_features, word_rate
from consona.core.recording import Recording
from consona.datasets.alice import load_alice, load_alice_words
from consona.datasets.locate import corpus_folder
from consona.lm import contextual_features, load_language_model, random_twin

CONTEXT = 10  # words before the word
N_PERMUTATIONS = 39

alice, words = load_alice(), load_alice_words()
volumes = alice.stimuli
people = replace(alice, recordings=tuple(cleaned(each, volumes["run"]) for each in alice.recordings))
# All people side by side: 27 x 6 targets, so that the features are decomposed once for everybody.
named = [each.data.assign_coords(subject=("target", [each.subject] * 6)) for each in people.recordings]
everybody = Recording(xr.concat(named, "target"), f"{len(named)} people")
gap = estimated_gap(everybody, volumes["run"])
split = Split.of_runs(volumes, n_folds=5, purge=gap)
print(f"{len(named)} people, {len(volumes)} volumes, {len(words)} words; {split.words()}")

# The layer in the middle, decided beforehand; the last token of every word for the model that only looks back, the mean
# over a window that ends at the word for the one that looks both ways.
stories = load_language_model(str(corpus_folder("stories260K") / "hf"))
minilm = load_language_model("minilm")
readings = {"stories260K": (stories, "last"), "MiniLM": (minilm, "mean")}
features = {"word rate": volume_features(word_rate(words), words, volumes), "place in the run": order_features(volumes)}
for name, (lm, pooling) in readings.items():
    for title, model in ((name, lm), (f"{name}, random weights", random_twin(lm, seed=0))):
        middle = [lm.n_layers // 2]
        read = contextual_features(model, words, context=CONTEXT, layers=middle, pooling=pooling)
        features[title] = volume_features(read, words, volumes)

ceiling = others_ceiling(people)
regions = people.recordings[0].data["roi"].values
print(
    f"{'mean r of 27 people':30s}"
    + "".join(f"{region:>8s}" for region in regions)
    + "     all    null       p   against the word rate"
)
print(f"{'one person with the others':30s}" + "".join(f"{r:8.3f}" for r in ceiling.mean("subject").values))
rate = np.empty(0)
figure, plot = plt.subplots(figsize=(9, 4.2), layout="constrained")
for place, (name, each) in enumerate(features.items()):
    score = encoding_score(each, everybody, split=split, n_permutations=N_PERMUTATIONS)
    r = score.data.values.reshape(len(named), -1)  # person x region
    null = score.null.values.mean(axis=(1, 2))
    p = (1 + np.sum(null >= r.mean())) / (1 + N_PERMUTATIONS)
    error = r.std(axis=0, ddof=1) / np.sqrt(len(r))
    rate = r.mean(axis=1) if name == "word rate" else rate  # of every person
    more = r.mean(axis=1) - rate
    versus = f"{more.mean():+10.3f} ± {more.std(ddof=1) / np.sqrt(len(r)):.3f}" if name != "word rate" else ""
    print(f"{name:30s}" + "".join(f"{m:8.3f}" for m in [*r.mean(axis=0), r.mean(), null.mean(), p]) + versus)
    style = {"fmt": "o" if "random" not in name else "s", "markerfacecolor": "none" if "random" in name else None}
    x = np.arange(len(regions)) + 0.13 * (place - (len(features) - 1) / 2)
    colour = {"stories260K": "C0", "MiniLM": "C1"}.get(name.split(",")[0], {"word rate": "black"}.get(name, "grey"))
    plot.errorbar(x, r.mean(axis=0), error, label=name, color=colour, markersize=5, **style)
plot.hlines(ceiling.mean("subject"), *(np.arange(len(regions)) + side for side in (-0.4, 0.4)), color="0.6", lw=2)
plot.plot([], [], color="0.6", lw=2, label="one person with the mean of the others")
plot.axhline(0, color="black", lw=0.6)
plot.set_xticks(np.arange(len(regions)), regions)
plot.set_ylabel("held-out r, mean of 27 people ± SE")
plot.set_ylim(top=0.56)
plot.legend(frameon=False, ncols=2, fontsize=8, loc="upper left")
figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "alice.png", dpi=150)
