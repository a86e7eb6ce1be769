"""How much there is to do for each brain of the study: people, images, targets and captions, from the settings."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from consona.datasets.own_scenes import response_shapes
from consona.studies.scene_captions.sizes import Size

if TYPE_CHECKING:
    from consona.studies.scene_captions.study import SceneCaptions

NSD_SESSIONS = dict(zip((f"subj{k:02d}" for k in range(1, 9)), (40, 40, 32, 30, 40, 32, 40, 30), strict=True))
NSD_TRIALS = 750
"""Of a session; every image is shown three times in 40 of them."""
TWIN_TRIALS = 3
"""Presentations of every image of a twin, were nobody to miss a session."""
TWIN_REGIONS = {10242: 3010, 2562: 757}
"""Targets in regions, both hemispheres, by vertices of one."""
_UNKNOWN = 10_000


@dataclass(frozen=True)
class Work:
    """What the parts of the study meet.

    ``n_images`` of every person, ``n_test`` of them to test; ``n_captioned`` images of anybody, ``n_captions`` each;
    ``n_targets`` of a person, ``n_regions`` of them in regions; ``n_trials`` of all people, where they are prepared
    from single ones. ``shared``: there are images that all saw. ``same``: people have the same targets. ``surface``:
    fsaverage5 is among them. ``size`` counts seeds and permutations.
    """

    size: Size
    n_people: int
    n_images: int
    n_test: int
    n_captioned: int
    n_targets: int
    n_regions: int
    n_trials: int = 0
    n_captions: int = 5
    shared: bool = True
    same: bool = True
    surface: bool = True
    note: str = ""

    @property
    def n_train(self) -> int:
        """Images that fit."""
        return self.n_images - self.n_test


def work_of(study: "SceneCaptions") -> Work:
    """What a twin, NSD, Algonauts or one's own files come to."""
    return {"twin": _twin, "nsd": _nsd, "algonauts": _algonauts, "own": _own}[study.brain](study)


def _twin(study: "SceneCaptions") -> Work:
    size = study.counts
    n_people = len(study.people) or size.n_subjects
    shown = sum(size.sessions[:n_people]) / max(size.sessions)
    seen = size.n_shared + n_people * (size.n_images - size.n_shared)
    regions = TWIN_REGIONS[size.n_vertices]
    work = Work(size, n_people, size.n_images, size.n_shared, seen, 2 * size.n_vertices, regions)
    return replace(
        work, n_trials=round(TWIN_TRIALS * size.n_images * shown), surface=size.n_vertices == max(TWIN_REGIONS)
    )


def _nsd(study: "SceneCaptions") -> Work:
    """As published: 10,000 images of a person, 1,000 of them meant for all; all saw 515 three times."""
    people = study.people or tuple(NSD_SESSIONS)
    n_targets, n_regions = (327_684, 45_600) if study.space == "fsaverage" else (230_000, 25_000)
    return Work(
        size=study.counts,
        n_people=len(people),
        n_images=10_000,
        n_test=515 if len(people) > 1 else 1000,
        n_captioned=1000 + 9000 * len(people) if len(people) < len(NSD_SESSIONS) else 70_566,
        n_targets=n_targets,
        n_regions=n_regions,
        n_trials=sum(NSD_TRIALS * NSD_SESSIONS.get(who, max(NSD_SESSIONS.values())) for who in people),
        shared=len(people) > 1,
        same=study.space == "fsaverage",
        surface=study.space == "fsaverage",
        note="all 10,000 images, though people with 30 sessions saw about 5,400 of them three times",
    )


def _algonauts(study: "SceneCaptions") -> Work:
    """As published: 9,841 training images of a person at most, 39,548 vertices of both hemispheres, all in regions."""
    n_people = len(study.people) or 8
    note = "39,548 targets and 9,841 images of every person, which is the most; all targets as if in regions"
    work = Work(study.counts, n_people, 9_841, 984, 9_841 * n_people, 39_548, 39_548, shared=False, same=False)
    return replace(work, surface=False, note=note)


def _own(study: "SceneCaptions") -> Work:
    shapes = response_shapes(study.responses)
    n_images, n_targets = (max(each) for each in zip(*shapes.values(), strict=True)) if shapes else (_UNKNOWN, _UNKNOWN)
    absent = sorted(set(study.responses) - set(shapes))
    note = f"{n_images:,} rows and {n_targets:,} targets at most, as the files say; rows of one image are averaged"
    if absent or not shapes:
        named = f"of {', '.join(absent)}" if absent else "(science.responses is empty)"
        note = f"sizes unknown: no readable .npy file {named}; as if {n_images:,} images x {n_targets:,} targets"
    n_people = max(1, len(study.responses))
    same = len({each[1] for each in shapes.values()}) == 1
    n_test = max(2, n_images // 10)
    work = Work(study.counts, n_people, n_images, n_test, n_images, n_targets, n_targets, shared=n_people > 1)
    return replace(work, same=same, surface=False, note=note)
