"""Human object cortex and models of 92 images: animacy, a sentence embedding of captions, pixels, vision networks.

Needs the corpora rsa92 and (for ResNet-20, else it is left out) resnet_cifar10, and the extras ``lm`` and ``demo``;
about twenty seconds. The photographs are used for computing only. The figure is written to ``images92.png``, or to the
path given on the command line.
"""

import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F

from consona.alignment.rdms import model_rdm
from consona.alignment.rsa import rsa_score
from consona.alignment.rsa_models import partial_rsa_score
from consona.alignment.simple_features import bag_of_words
from consona.core import RDM, Features
from consona.core.errors import MissingData
from consona.datasets.locate import corpus_file, corpus_folder
from consona.datasets.rsa92 import (
    load_rsa92,
    load_rsa92_behaviour,
    load_rsa92_captions,
    load_rsa92_images,
    load_rsa92_models,
)
from consona.lm import load_language_model


def resnet20(images: np.ndarray, ids: np.ndarray) -> dict[str, RDM]:
    """RDMs of the first and the last stage of ResNet-20, trained on CIFAR-10 (He et al. 2016)."""
    try:
        file = corpus_file(corpus_folder("resnet_cifar10"), "pretrained_models/resnet20-12fca82f.th", "resnet_cifar10")
    except MissingData:
        return {}
    weights = torch.load(file, weights_only=True, map_location="cpu")["state_dict"]

    def layer(x: torch.Tensor, at: str, number: int, stride: int = 1) -> torch.Tensor:
        x = F.conv2d(x, weights[f"module.{at}conv{number}.weight"], stride=stride, padding=1)
        norm = (weights[f"module.{at}bn{number}.{name}"] for name in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, *norm)

    mean, spread = (torch.tensor(v).view(1, 3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    x = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
    x = F.relu(layer((F.interpolate(x, size=32, mode="area") - mean) / spread, "", 1))
    found = {}
    for stage in (1, 2, 3):
        for block in range(3):
            at, stride = f"layer{stage}.{block}.", 2 if stage > 1 and block == 0 else 1
            y = layer(F.relu(layer(x, at, 1, stride)), at, 2)
            channels = (y.shape[1] - x.shape[1]) // 2
            x = F.relu(y + F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, channels, channels)))
        found[f"ResNet-20, stage {stage}"] = model_rdm(Features.of(x.flatten(1).numpy(), ids))
    return {name: rdm for name, rdm in found.items() if not name.endswith("2")}


brain, published, images = load_rsa92(), load_rsa92_models(), load_rsa92_images()
ids = brain.stimuli.ids
captions = load_language_model("minilm").capture(load_rsa92_captions(), pooling="mean")
arranged = np.mean([rdm.matrix() for rdm in load_rsa92_behaviour().rdms], axis=0)
models = {
    "animate or not": published["animacy"],
    "faces, bodies, two kinds of things": published["FaceBodyManmadeNatobj"],
    "monkey IT": published["monkeyIT"],
    "arranged by 16 people": RDM.of_matrix(arranged, ids, metric="arrangement"),
    "captions, MiniLM": model_rdm(captions, layer=-1, metric="cosine"),
    "captions, words alone": model_rdm(bag_of_words(load_rsa92_captions()), metric="cosine"),
    **resnet20(images, ids),
    **{f"eight-layer network, {name}": published[f"{name} complete"] for name in ("conv1", "conv3", "conv5", "fc7")},
    "model of V1": published["V1"],
    "pixels": model_rdm(Features.of(images.reshape(92, -1), ids)),
}
whole = rsa_score(models, brain.rdms, seed=1)
others = {name: rdm for name, rdm in models.items() if name != "animate or not"}
beyond = partial_rsa_score(others, brain.rdms, given={"animacy": models["animate or not"]}, seed=1)

figure, plot = plt.subplots(figsize=(8, 5), layout="constrained")
rows = {name: len(models) - 1 - i for i, name in enumerate(models)}
for score, shift, colour, name in ((whole, 0.12, "C0", "as it is"), (beyond, -0.18, "C1", "beyond animacy")):
    y = [rows[each] + shift for each in score.data["attribute"].values]
    effect, low, high = (np.array(score.attrs[each]) for each in ("effect", "low", "high"))
    chance = float(score.null.mean("subject").max("attribute").quantile(0.95))
    plot.errorbar(effect, y, xerr=[effect - low, high - effect], fmt="o", markersize=5, color=colour, label=name)
    plot.axvline(chance, color=colour, linewidth=1, linestyle=":")
    for each in zip(score.data["attribute"].values, effect, low, high, score.attrs["p_corrected"]):
        print(f"{name:15} {each[0]:36} {each[1]:6.3f} [{each[2]:6.3f}, {each[3]:.3f}]  p corrected {each[4]:.3f}")
ceiling = float(whole.ceiling.mean()), float(np.mean(whole.attrs["ceiling_upper"]))
print(f"ceiling {ceiling[0]:.3f} to {ceiling[1]:.3f}")
plot.axvspan(*ceiling, color="0.88", zorder=0, label="ceiling, lower to upper bound")
plot.axvline(0, color="grey", linewidth=0.8)
plot.set_yticks(list(rows.values()), list(rows))
plot.set_xlabel("agreement with human IT, mean of four subjects\n(rho-a; beyond animacy: partial Spearman)")
figure.suptitle(
    "Dotted: 95 % of the largest agreement of all models by chance. Bars: 95 % over images\n"
    "(beyond animacy: over subjects alone)",
    fontsize=8,
)
plot.legend(fontsize=8, loc="lower right")
figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "images92.png", dpi=150)
