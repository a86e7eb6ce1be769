"""Which regions of one visual brain follow image features, and which word features: 81 object categories.

Needs the corpus objects81; about twenty seconds. A quarter of the categories (20) is predicted from the others, four
times; penalties are chosen within the training categories. The figure is written to ``objects81.png``, or to the path
given on the command line.
"""

import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from consona.alignment.encoding import encoding_score
from consona.alignment.regions import region_means, target_tests
from consona.alignment.split import Split
from consona.datasets.objects81 import load_objects81, load_objects81_features

ALPHAS = (1.0, 10.0, 100.0, 1000.0, 10000.0)
NAMES = {"alexnet": "image features (AlexNet)", "word2vec": "word features (word2vec)"}

objects = load_objects81()
recording = objects.recordings[0]
split = Split.of_groups(objects.stimuli, n_folds=4, seed=1)

figure, plot = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
for place, (kind, name) in enumerate(NAMES.items()):
    features = load_objects81_features(kind)
    score = encoding_score(features, recording, split=split, alphas=ALPHAS, n_permutations=200)
    regions = region_means(score, "roi")
    names, r = regions.data["target"].values, regions.data.values[0]
    null, p = regions.null.values[:, 0], target_tests(regions)["p_max"].values[0]
    at = np.arange(len(r)) + 0.38 * (place - 0.5)
    plot.bar(at, r, 0.36, label=name, color=f"C{place}")
    plot.vlines(at, *np.quantile(null, [0.025, 0.975], axis=0), color="black", label="chance, 95 %" if place else None)
    for region, value, chance, each in zip(names, r, null.mean(axis=0), p):
        print(f"{name:26} {region}  r = {value:.3f}  chance {chance:+.3f}  p corrected {each:.3f}")
    print(f"{name:26} {score.attrs['cv']}")
plot.set_xticks(np.arange(len(names)), names)
plot.axhline(0, color="grey", linewidth=0.8)
plot.set_ylabel("held-out r, mean over the voxels of a region")
plot.set_title("One person, no repeated measurement: no ceiling can be computed", fontsize=9)
plot.legend(frameon=False, fontsize=8)
figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "objects81.png", dpi=150)
