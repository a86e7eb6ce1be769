"""Which of eight kinds of pictures did a person see? Haxby's question, one run held out at a time.

Needs the corpus haxby_pymvpa and the extra ``fmri``; a few seconds. The figure is written to ``haxby.png``, or to the
path given on the command line.
"""

import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from consona.alignment.classes import class_score
from consona.datasets.haxby import load_haxby

haxby = load_haxby()
score = class_score(haxby.recordings[0], haxby.stimuli["category"], haxby.stimuli["run"], n_permutations=2000, seed=1)
names, confusion = score.attrs["classes"], np.array(score.attrs["confusion"])
accuracy = float(score.data.sel(attribute="accuracy"))
null = score.null.sel(attribute="accuracy").values
p = (np.sum(null >= accuracy - 1e-12) + 1) / (len(null) + 1)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
shown = left.imshow(confusion, cmap="Greys", vmin=0, vmax=12)
left.set_xticks(range(len(names)), names, rotation=60, ha="right")
left.set_yticks(range(len(names)), names)
left.set_xlabel("taken for")
left.set_ylabel("seen")
for (i, j), count in np.ndenumerate(confusion):
    left.text(j, i, count, ha="center", va="center", fontsize=8, color="white" if count > 6 else "black")
right.hist(null, bins=np.arange(-0.5, 40) / 96, color="0.7", label="classes exchanged within runs")
right.axvline(accuracy, color="C0", label="seen classes")
right.axvline(1 / 8, color="grey", linestyle=":", label="chance, 1/8")
right.set_xlabel("share of the 96 patterns that are recognised")
right.set_yticks([])
right.legend(frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "haxby.png", dpi=150)

print(f"{score.attrs['n_correct']:.0f} of {score.attrs['n_of']} recognised ({accuracy:.3f}), chance {null.mean():.3f}")
print(f"p = {p:.4f}; two-way {float(score.data.sel(attribute='two-way')):.3f}")
for name, row in zip(names, confusion):
    print(f"{name:14} {row.tolist()}")
