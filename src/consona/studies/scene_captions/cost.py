"""What the study will take: every part in seconds of one core, the memory of one shard, and disk, from sizes alone."""

from typing import TYPE_CHECKING

from consona.engine.config import PlannedStep
from consona.studies.scene_captions import cost_rates as rates
from consona.studies.scene_captions.cost_sizes import Work, work_of
from consona.studies.scene_captions.names import ARCHITECTURES, MINILM, MODES, OBJECTIVES, RUNGS, UNTRAINED

if TYPE_CHECKING:
    from consona.studies.scene_captions.study import SceneCaptions

N_FEATURES, N_LAYER = 384, 117
"""Of MiniLM's embedding; of the last layer of a network, the wider one."""
N_SENTENCES, N_CONTRASTS = 74, 3
N_COMPARED = 7
"""Rungs from which regions are encoded."""
REAL_CAPTIONS = (2051, 1000, 15_000)
"""Captions of photographs: images with one, images with five, and those that are embedded one by one besides."""
N_NEW, N_SEARCHED_SETS = 1000, 4
BLOCK_MB = 2**28 * 4 / 1e6
LIBRARIES_MB, TORCH_MB = 500.0, 1500.0
PREPARING_MB = 2000.0
SECONDS_OF_FIGURES = 60.0


def planned(study: "SceneCaptions") -> list[PlannedStep]:
    """Seconds of one worker, memory of one shard with what the study holds meanwhile, disk that stays.

    Sizes of a twin follow from the settings, those of published corpora from their papers, those of own files from
    their heads. What the files of a corpus hold is not looked at.
    """
    if study.brain == "images92":
        return [*_small_texts(study), *(_networks(study, 92) if study.networks else []), *_few(study)]
    if study.brain == "objects81":
        return [*_small_texts(study), *_few(study)]
    work, networks = work_of(study), study.networks and study.brain != "own"  # own images are not read
    steps = [*_prepared(study, work), *_texts(study, work)]
    if networks:
        steps += _networks(study, work.n_captioned)
    steps += [*_geometry(study, work), *_encoding(study, work), *_between(work)]
    steps += [*_selective(work), *_read_out(work)]
    if networks:
        steps += _network_brains(work)
    steps += [*_searched(study, work)]
    return [*steps, PlannedStep("claims, figures, report", SECONDS_OF_FIGURES, _held_mb(work, study) + 1000, 100.0)]


def _held_mb(work: Work, study: "SceneCaptions") -> float:
    """What lies in memory throughout: rungs, texts, and images in small."""
    rungs = (len(RUNGS) + len(study.compared)) * work.n_captioned * N_FEATURES * 4
    texts = work.n_captioned * work.n_captions * 150
    images = work.n_captioned * 64 * 64 * 3 if study.networks and study.brain != "own" else 0
    return LIBRARIES_MB + (rungs + texts + images) / 1e6


def _prepared(study: "SceneCaptions", work: Work) -> list[PlannedStep]:
    kept = 4 * work.n_people * work.n_images * work.n_targets
    if study.brain in ("algonauts", "own"):
        return [
            PlannedStep("means of images", 2 * kept * rates.READ_S, PREPARING_MB, kept / 1e6, work.note, work.n_people)
        ]
    trials = 4 * work.n_trials * work.n_targets
    seconds, note = trials * rates.PREPARED_S, f"{trials / 1e9:,.0f} GB of sessions are read. {work.note}".strip()
    steps = []
    if study.brain == "twin":
        rendered = work.n_captioned * (rates.RENDERED_S + work.n_captions / rates.CAPTIONS_PER_S)
        made = rendered + trials * rates.WRITTEN_S
        steps.append(PlannedStep("twin, written", made, TORCH_MB, trials / 1e6, "in the layout of NSD"))
    return [*steps, PlannedStep("responses, prepared", seconds, PREPARING_MB, kept / 1e6, note, work.n_people)]


def _texts(study: "SceneCaptions", work: Work) -> list[PlannedStep]:
    n, n_models = work.n_captioned * work.n_captions, len(study.compared)
    once, five, single = REAL_CAPTIONS if study.size == "full" else (0, 0, 0)
    real = once * (rates.CAPTIONS_OF_LADDER + 1) + five * 5 * rates.CAPTIONS_OF_LADDER + single
    embedded = n * (rates.CAPTIONS_OF_LADDER + n_models) + 10_000 + real
    tagged = (work.n_captioned + once + five) * rates.TAGGED_S
    disk = (len(RUNGS) + n_models) * work.n_captioned * N_FEATURES * 4e-6
    note = "" if study.model == MINILM else "at the rate of MiniLM; larger models take more"
    note = note or f"{embedded:,.0f} captions, all rungs together"
    shards = max(1, work.n_captioned * len(RUNGS) // 256)
    agreed = work.n_captioned * (len(RUNGS) - 1) * rates.AGREEMENT_S + 6.0
    memory = TORCH_MB + _held_mb(work, study)
    return [
        PlannedStep("texts, embedded", embedded / rates.CAPTIONS_PER_S + tagged, memory, disk, note, shards),
        PlannedStep("texts, compared", agreed, _held_mb(work, study) + 500, 1.0),
    ]


def _small_texts(study: "SceneCaptions") -> list[PlannedStep]:
    return [PlannedStep("texts, embedded", 10.0, TORCH_MB, 5.0, "" if study.model == MINILM else "as if MiniLM")]


def _networks(study: "SceneCaptions", n_images: int) -> list[PlannedStep]:
    """Scenes, trainings, and what all networks see in the images of the brain."""
    size = study.counts
    each = {a: size.n_scenes * size.n_epochs * rates.TRAINED_S[a] for a in ARCHITECTURES}
    trained = len(OBJECTIVES) * (size.n_seeds * sum(each.values()) + 2 * each["feedforward"])
    n_networks = len(OBJECTIVES) * (len(ARCHITECTURES) * size.n_seeds + 2)
    kinds = {a: (len(OBJECTIVES) + 1) * size.n_seeds + len(OBJECTIVES) for a in ARCHITECTURES}
    looks = sum(kinds[a] * rates.SEEN_S[a] for a in ARCHITECTURES) + 2 * len(OBJECTIVES) * rates.SEEN_S["feedforward"]
    pixels = n_images * 64 * 64 * 3e-6
    reading = n_images * rates.SMALLED_S if study.brain in ("nsd", "algonauts") else 0.0
    scenes = (size.n_scenes + N_NEW) * (rates.RENDERED_S + 5 / rates.CAPTIONS_PER_S)
    zoo = f"; {len(study.zoo)} networks from elsewhere not counted" if study.zoo else ""
    disk = sum(kinds.values()) * n_images * N_LAYER * 4e-6
    return [
        PlannedStep("scenes, rendered and described", scenes, TORCH_MB, size.n_scenes * 0.0123),
        PlannedStep("networks, trained", trained, TORCH_MB, n_networks * 2.0, "on one core", n_networks),
        PlannedStep(
            "networks, looking",
            looks * (n_images + N_NEW) + reading,
            TORCH_MB + 3 * pixels,
            disk,
            f"{n_images:,} images{zoo}",
            sum(kinds.values()),
        ),
    ]


def _n_networks(work: Work) -> int:
    return len(ARCHITECTURES) * (len(OBJECTIVES) + 1) * work.size.n_seeds


def _geometry(study: "SceneCaptions", work: Work) -> list[PlannedStep]:
    n_models = (
        len(RUNGS)
        + len(study.compared)
        + (_n_networks(work) + 4 + len(study.zoo) if study.networks and study.brain != "own" else 0)
    )
    n_sets, size = work.n_images // work.size.n_set, work.size
    once = [rates.region_rsa_s(n_sets, n_models, work.n_regions, n) for n in (size.n_permutations, 0)]
    seconds = work.n_people * (sum(once) + 2 * _read_s(work))
    regions = work.n_images * work.n_regions * 4
    memory = _held_mb(work, study) + 1.6 * regions / 1e6
    steps = [
        PlannedStep("RSA of regions", seconds, memory, 5.0 * work.n_people, f"{n_models} models", 2 * work.n_people)
    ]
    if work.shared:
        pairs = work.n_people * work.n_test**2 * work.n_regions * 2 / rates.RIDGE_FLOPS
        held = 3 * 4 * work.n_people * work.n_test * work.n_regions / 1e6
        sets = work.n_people * rates.region_rsa_s(work.n_test // size.n_set, n_models, work.n_regions, 0)
        steps.append(
            PlannedStep("RSA on shared images, ceilings", pairs + sets + 10, _held_mb(work, study) + held, 5.0)
        )
    return steps


def _read_s(work: Work, n_targets: int | None = None) -> float:
    """One look at the prepared responses of a person; targets in regions lie scattered over all."""
    return 4 * work.n_images * (n_targets or work.n_targets) * rates.READ_S


def _encoding(study: "SceneCaptions", work: Work) -> list[PlannedStep]:
    size, twice = work.size, 2 if study.mode == "released" else 1
    order = size.n_permutations * work.n_test * work.n_targets * rates.EXCHANGED_S
    whole = rates.encoding_s(work.n_train, N_FEATURES, work.n_targets) + order + twice * _read_s(work)
    region = rates.encoding_s(work.n_train, N_FEATURES, work.n_regions) + twice * _read_s(work)
    n_regions = N_COMPARED + len(MODES) + 1
    block = min(BLOCK_MB, 4e-6 * work.n_images * work.n_targets)
    memory = LIBRARIES_MB + 2.5 * block
    disk = work.n_people * work.n_targets * 48e-6
    people = work.n_people
    return [
        PlannedStep("encoding, all targets", people * whole, memory, disk, f"{work.n_targets:,} targets", people),
        PlannedStep(
            "encoding, regions",
            people * n_regions * region,
            memory,
            people * n_regions * 0.1,
            f"{n_regions} times: rungs, modes, captions of other images",
            people * n_regions,
        ),
    ]


def _between(work: Work) -> list[PlannedStep]:
    """Ceilings of encoding, and encoders of other people."""
    if not (work.shared and work.same and work.n_people > 1):
        return []
    block = min(BLOCK_MB, 4e-6 * work.n_people * work.n_test * work.n_targets)
    ceiling = work.n_people * (work.n_targets * rates.BETWEEN_S + 4 * work.n_test * work.n_targets * rates.READ_S)
    rows = work.n_people * work.n_images
    n_blocks = max(1, round(4e-6 * rows * work.n_regions / BLOCK_MB))
    encoders = work.n_people * (
        rates.encoding_s(work.n_train, N_FEATURES, work.n_regions)
        + n_blocks * rates.encoding_s(work.n_train, N_FEATURES, 0)
        + _read_s(work)
        + 10 * work.n_people * work.n_test * work.n_regions * rates.READ_S
    )
    other = min(BLOCK_MB, 4e-6 * rows * work.n_regions)
    return [
        PlannedStep("ceiling between people", ceiling, LIBRARIES_MB + 5 * block, work.n_people * work.n_targets * 8e-6),
        PlannedStep("encoders of other people", encoders, LIBRARIES_MB + 3 * other, 1.0, f"{n_blocks} blocks"),
    ]


def _selective(work: Work) -> list[PlannedStep]:
    """Predicted responses to sentences, twice, and their contrasts."""
    if not work.same:
        return []
    told = work.n_people * N_SENTENCES * work.n_targets * 4e-6
    fitted = rates.encoding_s(work.n_train, N_FEATURES, work.n_targets) + _read_s(work)
    block = min(BLOCK_MB, 4e-6 * work.n_images * work.n_targets)
    tested = N_CONTRASTS * work.n_targets * rates.CONTRAST_S * work.size.n_permutations / 199
    return [
        PlannedStep(
            "responses to sentences",
            2 * work.n_people * fitted,
            LIBRARIES_MB + 2.5 * block + told,
            2 * told,
            "captions, and captions of other images",
            2 * work.n_people,
        ),
        PlannedStep(
            "contrasts of sentences", tested, LIBRARIES_MB + 4 * told + 500, work.n_targets * work.n_people * 1e-4
        ),
    ]


def _read_out(work: Work) -> list[PlannedStep]:
    """Three modes of every person, and what is done with them."""
    n_times = work.n_people * len(MODES)
    fitted = rates.readout_s(work.n_train, work.n_regions, N_FEATURES) + _read_s(work)
    memory = LIBRARIES_MB + rates.readout_mb(work.n_train, work.n_test, work.n_regions)
    scored = (n_times + work.n_people) * work.n_test * (work.size.n_permutations + 100) * rates.SCORED_S
    looked = work.n_people * work.n_test * (work.size.n_dictionary + work.n_train) * rates.LOOKED_UP_S
    beyond = work.n_people * rates.encoding_s(work.n_train, 91, N_FEATURES)
    words = work.size.n_dictionary / rates.CAPTIONS_PER_S
    rows = "images" if work.n_regions >= work.n_train else "targets"
    return [
        PlannedStep(
            "read-out of captions",
            n_times * fitted,
            memory,
            n_times * work.n_test * N_FEATURES * 4e-6,
            f"{work.n_train:,} images x {work.n_regions:,} targets in {len(MODES)} modes; {rows} are decomposed",
            n_times,
        ),
        PlannedStep("read-out, scored and looked up", scored + looked + beyond + words, TORCH_MB, 20.0),
    ]


def _network_brains(work: Work) -> list[PlannedStep]:
    n = _n_networks(work)
    each = rates.encoding_s(work.n_train, N_LAYER, work.n_regions) + _read_s(work)
    layers = len(OBJECTIVES) * (3 + 12)
    n_sets, pairs = work.n_images // work.size.n_set, len(OBJECTIVES) * len(ARCHITECTURES)
    geometry = rates.region_rsa_s(n_sets * pairs, layers // pairs, work.n_regions, 0) + pairs * _read_s(work)
    block = min(BLOCK_MB, 4e-6 * work.n_images * work.n_regions)
    planted = 4 * rates.PLANTED_S * work.size.n_seeds / 5
    note = f"{n} networks; trained, or {UNTRAINED}"
    return [
        PlannedStep(
            "encoding from networks", work.n_people * n * each, LIBRARIES_MB + 2.5 * block, 5.0, note, work.n_people * n
        ),
        PlannedStep(
            "RSA of layers and times",
            work.n_people * geometry,
            LIBRARIES_MB + 1.6 * 4e-6 * work.n_images * work.n_regions,
            5.0,
            n_shards=work.n_people * pairs,
        ),
        PlannedStep("people in whom it is planted", planted, TORCH_MB, 2.0, n_shards=4),
    ]


def _searched(study: "SceneCaptions", work: Work) -> list[PlannedStep]:
    if not (work.surface and work.size.searchlight and work.n_people > 1):
        return []
    n_sets, n_centres = work.n_images // work.size.n_set, 2 * 10_242
    looking = n_sets * n_centres / rates.SEARCHED_PER_S * (study.radius_mm / 10.8) ** 2 + _read_s(work)
    note = f"{n_centres:,} centres, {n_sets} sets, 3 models"
    memory = LIBRARIES_MB + 1000.0 + 3 * N_SEARCHED_SETS * work.size.n_set * n_centres * 4e-6
    return [PlannedStep("searchlight", work.n_people * looking + 20, memory, work.n_people, note, work.n_people)]


def _few(study: "SceneCaptions") -> list[PlannedStep]:
    """The 92 photographs, or the 81 categories."""
    n = study.counts.n_permutations
    if study.brain == "images92":
        return [PlannedStep("RSA with four people", 20.0 + 0.3 * n, TORCH_MB, 20.0, "with its null and 1,000 draws")]
    seconds = 10.0 + rates.OBJECT_PERMUTATION_S * n
    return [PlannedStep("encoding, read-out, contrasts", seconds, TORCH_MB, 30.0, "one person, 81 categories")]
