"""Rates of the parts of the study on one core of our machine, and what they make of sizes; CPU seconds throughout."""

from consona.engine.cost import ridge_flops

CAPTIONS_PER_S = 360.0
"""Captions of about ten words that MiniLM embeds."""
CAPTIONS_OF_LADDER = 3.6
"""All rungs together, in captions per caption of an image: 73 s for what takes 20 s as the mean of captions alone."""
TAGGED_S = 0.0025
"""Parts of speech of the captions of an image, for nouns twice, verbs and adjectives (1,000 images of NSD)."""
AGREEMENT_S = 1.6e-4
"""One rung beside the full caption, per image: RDMs of sets of 100, exchanged, drawn again."""
PREPARED_S = 4.5 / 786e6
"""A byte of single precision of single trials: z-scored, summed, averaged."""
WRITTEN_S = 15 / 786e6
"""A byte of a made-up session."""
READ_S = 0.6e-9
"""A byte of a prepared file; regions lie scattered, so that their rows are read whole."""
RIDGE_FLOPS = 6e10
"""Operations per second of fractional ridge from narrow features: 10.7 s for 9,485 x 384 and 20,000 targets, ..."""
RIDGE_TARGET_S = 1.5e-4
"""... with what every target costs besides: penalties looked up in five folds."""
EXCHANGED_S = 3.9e-10
"""One test image of one target in one order: 4 s for 1,000 exchanges, 515 images, 20,000 targets."""
READOUT_FLOPS = 3.8e10
"""Operations per second of the read-out from more vertices than images: 9.6 s for 2,000 x 6,000."""
SET_S, SET_MODEL_S = 0.004, 0.0005
"""RSA of a set of 100 images in four regions, and of every model on it ..."""
SET_NULL_S, SET_NULL_MODEL_S = 1.45e-4, 1.3e-6
"""... and what a permutation adds to both."""
SET_TARGET_S = 8e-7
"""Dissimilarities of a set, per target in regions."""
SEARCHED_PER_S = 27_000.0
"""Centres of 46 vertices with a set of 100 images and three models; spheres of 895 voxels: 2,100."""
BETWEEN_S = 6 / 20_000 / 8
"""The ceiling between people, per person and target."""
CONTRAST_S = 8e-5
"""Contrasts of sentences, their regions, and two nulls of 2,000 draws, per target and contrast, eight people."""
LOOKED_UP_S = 3.5e-8
"""One entry of a dictionary for one test image."""
SCORED_S = 1.8e-6
"""One test image of a read-out in one order."""
RENDERED_S = 8e-4
"""A scene of 64 pixels."""
TRAINED_S = {"feedforward": 6e-4, "recurrent": 1.5e-3}
"""An image in an epoch; 6 and 15 s for 10,000."""
SEEN_S = {"feedforward": 2.1e-4, "recurrent": 4.6e-4}
"""An image that a trained network looks at."""
SMALLED_S = 4e-3
"""A photograph of 425 pixels read and reduced to 64."""
PLANTED_S = 45.0
"""Eight small people of one plant, 400 scenes, 40 models."""
OBJECT_PERMUTATION_S = 1.1
"""One permutation of everything on 81 objects: five encodings, eight read-outs."""
N_FRACTIONS, N_FOLDS = 20, 5


def encoding_s(n_rows: int, n_features: int, n_targets: int) -> float:
    """A fractional ridge from fewer features than rows, fractions chosen for every target."""
    n, p = float(n_rows), float(n_features)
    once = 2 * n * p**2 + (N_FOLDS + 1) * 9 * p**3
    each = 2 * n * p + (2 * (N_FOLDS + 1) + N_FOLDS * N_FRACTIONS + 2) * p**2
    return once / RIDGE_FLOPS + n_targets * (RIDGE_TARGET_S + each / RIDGE_FLOPS)


def readout_s(n_rows: int, n_vertices: int, n_features: int) -> float:
    """A fractional ridge of an embedding from vertices; where they outnumber images, rows are decomposed."""
    once, each = ridge_flops(n_rows, n_vertices, N_FOLDS, N_FRACTIONS)
    return (once + n_features * each) / READOUT_FLOPS


def readout_mb(n_rows: int, n_test: int, n_vertices: int) -> float:
    """Most memory of a read-out, reached where all rows have been decomposed and go to single precision.

    Responses once whole and once of the training, in single precision; the training in double precision, centred and
    again shifted, and as weights; both of the latter in single precision; the decompositions of folds and of all rows,
    and of the test rows, in both. With fewer vertices than rows, decompositions are as small as the vertices.
    """
    n, p = float(n_rows), float(n_vertices)
    trained = n * (N_FOLDS - 1) / N_FOLDS
    k, k_fold = min(n, p), min(trained, p)
    responses = 4 * (n + n_test) * p + 4 * n * p
    double = 8 * (2 * n * p + p * k)
    single = 4 * (n * p + p * k)
    fits = 12 * (N_FOLDS * k_fold**2 + k**2 + n * k_fold)
    return (responses + double + single + fits) / 1e6


def region_rsa_s(n_sets: int, n_models: int, n_targets: int, n_permutations: int) -> float:
    """RSA of one person in all regions."""
    plain = SET_S + SET_MODEL_S * n_models + SET_TARGET_S * n_targets
    return n_sets * (plain + n_permutations * (SET_NULL_S + SET_NULL_MODEL_S * n_models))
