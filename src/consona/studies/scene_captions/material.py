"""What the study reads: responses on disk, captions and images of what was seen, and which images test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.stimuli import Stimuli
from consona.datasets.algonauts import load_algonauts
from consona.datasets.nsd import load_nsd_stimuli, nsd_subjects
from consona.datasets.nsd_images import load_small_algonauts, load_small_images
from consona.datasets.nsd_prepare import prepare_nsd
from consona.datasets.own_scenes import load_own_scenes
from consona.datasets.region_files import region_file
from consona.datasets.response_files import ResponseFile
from consona.stats.seeds import rng_for
from consona.studies.scene_captions.names import HIGHER, REGIONS
from consona.studies.scene_captions.planting import Twin, write_twin

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.lm.model import LanguageModel
    from consona.studies.scene_captions.study import SceneCaptions

SIDE = 64
EIGHT = tuple(f"subj{number:02d}" for number in range(1, 9))
FEWEST_SHARED = 20
TEST_SHARE = 0.1


@dataclass(frozen=True)
class Division:
    """Which images of one subject fit and which test."""

    train: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True)
class Material:
    """What is given before anything is fitted.

    ``files`` by subject, ``regional`` those of their regions alone; ``stimuli`` with captions, of all images that
    anybody saw, and their ``images`` in small (None where there are none); ``test`` are images that everybody saw,
    ``train`` the others by subject. ``truth`` of twins, and the embedding of their captions, ``known`` because planted.
    """

    files: dict[str, ResponseFile]
    stimuli: Stimuli
    images: xr.DataArray | None
    test: dict[str, list[str]]
    train: dict[str, list[str]]
    shared: list[str]
    synthetic: bool
    truth: dict[str, Any]
    regional: dict[str, ResponseFile]
    known: Features | None = None

    @property
    def regions(self) -> list[str]:
        """Regions in the order of the visual hierarchy, then all others that the labels name."""
        first = next(iter(self.files.values()))
        named = [str(each) for each in np.unique(first.labels().get("roi", np.array([""]))) if each]
        return [*(each for each in REGIONS if each in named), *(each for each in named if each not in REGIONS)]

    @property
    def higher(self) -> list[str]:
        """The regions of the claims: ventral, lateral and parietal, or all where none has these names."""
        return [each for each in self.regions if each in HIGHER] or self.regions


def load_material(study: "SceneCaptions", run: "Run", lm: "LanguageModel") -> Material:
    """Responses prepared, captions and images read, images divided into training and test.

    Raises
    ------
    MissingData
        When the corpus is not on this computer.
    InvalidInput
        When files do not fit each other, or an image has no caption.
    """
    truth: dict[str, Any] = {}
    made: Twin | None = None
    out = run.store.folder / "prepared" / study.brain
    images = None
    if study.brain == "own":
        stimuli, files = load_own_scenes(study.responses, study.images_table, study.regions_table, out=out)
    elif study.brain == "algonauts":
        people = study.people or EIGHT
        files = {who: load_algonauts(None, who, out=out / f"{who}.npy") for who in people}
        stimuli = _of_seen(files, load_nsd_stimuli())
        if study.networks:
            images = load_small_algonauts(
                stimuli.ids.tolist(), {who: each.ids for who, each in files.items()}, size=SIDE
            )
    else:
        root = None
        if study.brain == "twin":
            made = write_twin(study, run, lm)
            root, truth = made.root, made.truth
            out = out / root.name
        people = study.people or nsd_subjects(root)
        files = {who: prepare_nsd(root, who, space=study.space, out=out / f"{who}-{study.space}.npy") for who in people}
        stimuli = _of_seen(files, load_nsd_stimuli(root))
        images = load_small_images(stimuli.ids.tolist(), root, size=SIDE) if study.networks else None
    train, test, shared = divided(files, seed=study.seed)
    for name, each in files.items():
        run.note(f"{name}: {len(each.ids)} images x {each.n_targets} targets, {len(train[name])} train.")
    known = made.embedded(stimuli) if made is not None else None
    regional = {who: region_file(each, out / f"{who}-{study.space}-regions.npy") for who, each in files.items()}
    return Material(files, stimuli, images, test, train, shared, study.brain == "twin", truth, regional, known)


def _of_seen(files: Mapping[str, ResponseFile], stimuli: Stimuli) -> Stimuli:
    """The images that anybody saw, in the order of the corpus."""
    seen = {name for each in files.values() for name in each.ids}
    missing = seen - set(stimuli.ids.tolist())
    if missing:
        raise InvalidInput(
            f"{len(missing)} images with responses are not among those with captions, such as {min(missing)}. Give "
            "captions for all, or leave their responses out."
        )
    return stimuli.select(np.array([name for name in stimuli.ids.tolist() if name in seen]))


def divided(
    files: Mapping[str, ResponseFile], *, seed: int
) -> tuple[dict[str, list[str]], dict[str, list[str]], list[str]]:
    """Images that everybody saw test, all others train; without enough of them every tenth of a person's own tests.

    Where people saw much the same images, a tenth of those that all saw tests, or 20.
    """
    common = set.intersection(*(set(each.ids) for each in files.values()))
    shared = sorted(common) if len(files) > 1 and len(common) >= FEWEST_SHARED else []
    if any(len(each.ids) < 2 * len(shared) for each in files.values()):
        # everybody saw much the same: most of it is needed to fit
        n = max(FEWEST_SHARED, round(TEST_SHARE * len(shared)))
        order = rng_for(seed, "test images").permutation(len(shared))
        shared = [shared[k] for k in np.sort(order[: min(n, len(shared) // 2)])]
    train, test = {}, {}
    for name, each in files.items():
        held: Sequence[str] = shared
        if not shared:
            order = rng_for(seed, "test images", name).permutation(len(each.ids))
            held = [each.ids[k] for k in np.sort(order[: max(2, round(TEST_SHARE * len(order)))])]
        out = set(held)
        test[name] = list(held)
        train[name] = [one for one in each.ids if one not in out]
    return train, test, shared
