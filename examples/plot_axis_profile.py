"""Where the nine emotions lie on a valence axis, and where nonce words lie: the first figure of the report, by hand.

Needs the extras ``lm`` and ``demo``; about ten seconds on a laptop.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from consona.concepts import difference_axis
from consona.datasets.texts import load_nonce, load_stories
from consona.lm import load_language_model

PLEASANT = ("amusement", "inspiration", "joy", "tenderness")
UNPLEASANT = ("anger", "disgust", "fear", "sadness")

lm = load_language_model("minilm")
stories, other_stories, nonce = load_stories(1), load_stories(2), load_nonce()

# The axis is fitted on one set of stories and shown on another, written independently.
axis = difference_axis(
    lm.capture(stories, pooling="mean"), stories["emotion"], layer=-1, positive=PLEASANT, negative=UNPLEASANT
)
figure, plot = plt.subplots(figsize=(6, 3.5), layout="constrained")
for texts, name in ((other_stories, "stories of set 2"), (nonce, "nonce words")):
    projections = axis.project(lm.capture(texts, pooling="mean"))
    emotions = np.unique(texts["emotion"])
    means = [projections[texts["emotion"] == emotion].mean() for emotion in emotions]
    plot.plot(means, np.arange(len(emotions)), "o", label=name)
    plot.set_yticks(np.arange(len(emotions)), emotions)
plot.axvline(0, color="grey", linewidth=0.8)
plot.set_xlabel("projection on the axis [SD of the classes]")
plot.legend(frameon=False)
figure.savefig("axis_profile.png", dpi=150)
