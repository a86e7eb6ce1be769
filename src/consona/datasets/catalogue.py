"""Every corpus at a glance: licence, citation, size, who loads it, its twin, and whether it is on this computer."""

import pandas as pd

from consona.core.errors import ConfigError
from consona.core.invariants import listed
from consona.datasets import (
    alice,
    emobank,
    emotion_concepts,
    faced_bids,
    faced_clips,
    goemotions,
    haxby,
    masking_tables,
    objects81,
    rsa92,
    seed_v_trials,
    sst2,
)
from consona.datasets.catalogue_reasoning import REASONING
from consona.datasets.catalogue_scenes import SCENES
from consona.datasets.corpora import Agreement, Corpus

_FACED = Corpus(
    name="faced",
    title="FACED: EEG and ratings of 28 emotional film clips",
    licence=faced_clips.LICENCE,
    citation=faced_clips.CITATION,
    size_mb=132.3,
    shape="123 subjects x 28 clips x (32 channels x 30 s x 5 bands); ratings 28 x 12",
    loader="consona.datasets.faced.load_faced",
    twin="consona.datasets.twins.faced_twin",
    redistributable=False,
    evidence=("EEG_Features/DE/sub*.pkl", "de_full/sub*.npy", "derived_DE_5s_windows.npz"),
    agreement=Agreement(
        title="Synapse conditions of use (syn50614194)",
        url="https://www.synapse.org/Synapse:syn50614194",
        how=(
            "Sign in at Synapse, accept the conditions there and download EEG_Features, Data (After_remarks.mat) and "
            "Recording_info.csv; for decoders of raw EEG also Processed_data (6.6 GB). Keep their folders as they are."
        ),
    ),
)
_FACED_BIDS = Corpus(
    name=faced_bids.NAME,
    title="FACED as recorded: continuous EEG in BIDS",
    licence=faced_bids.LICENCE,
    citation=faced_clips.CITATION,
    size_mb=31_400.0,
    shape="123 subjects x 32 channels, 250 or 1000 Hz, about 75 minutes each",
    loader="consona.datasets.faced_bids.load_faced_bids",
    twin="consona.datasets.twins.faced_twin",
    redistributable=False,
    evidence=("sub-*/eeg/sub-*_eeg.bdf",),
    agreement=Agreement(
        title="NEMAR nm000112 (names CC BY 4.0) and the Synapse conditions of use (syn50614194)",
        url="https://doi.org/10.82901/nemar.nm000112",
        how=(
            "The listing names another licence and other authors than the release: read the conditions at Synapse "
            "first. Download the folders sub-000 to sub-122 with NEMAR's tool, and Recording_info.csv from Synapse: it "
            "says which files hold microvolts; keep their names as they are."
        ),
    ),
)
_SEED_V = Corpus(
    name=seed_v_trials.NAME,
    title="SEED-V: EEG of 45 film clips of five emotions in three sessions",
    licence=seed_v_trials.LICENCE,
    citation=seed_v_trials.CITATION,
    size_mb=73.0,
    shape="16 subjects x 1,823 windows of 4 s x (62 channels x 5 bands); recordings at 1000 Hz",
    loader="consona.datasets.seed_v.load_seed_v",
    twin="consona.datasets.twins.seed_v_twin",
    redistributable=False,
    evidence=("EEG_DE_features/*_123.npz", "EEG_raw/*.cnt"),
    agreement=Agreement(
        title="the SEED licence agreement of the BCMI laboratory, Shanghai Jiao Tong University",
        url="https://bcmi.sjtu.edu.cn/home/seed/seed-v.html",
        how=(
            "Apply there: the laboratory asks for its signed licence agreement and then gives access. Download "
            "EEG_DE_features, and EEG_raw for decoders of raw EEG; keep their folders and names as they are."
        ),
    ),
)
_SST2 = Corpus(
    name="sst2",
    title="SST-2: sentences of film reviews, negative or positive",
    licence=sst2.LICENCE,
    citation=sst2.CITATION,
    size_mb=1.0,
    shape="6,920 / 872 / 1,821 sentences",
    loader="consona.datasets.sst2.load_sst2",
    twin="consona.datasets.twins.sentiment_twin",
    redistributable=False,
    evidence=tuple(sst2.SPLITS.values()),
)
_GOEMOTIONS = Corpus(
    name="goemotions",
    title="GoEmotions: comments with any of 27 emotions (contains profanity)",
    licence=goemotions.LICENCE,
    citation=goemotions.CITATION,
    size_mb=4.4,
    shape="43,410 / 5,426 / 5,427 comments",
    loader="consona.datasets.goemotions.load_goemotions",
    twin="consona.datasets.twins.goemotions_twin",
    redistributable=True,
    evidence=tuple(goemotions.SPLITS.values()),
)
_EMOBANK = Corpus(
    name="emobank",
    title="EmoBank: sentences rated for valence, arousal and dominance",
    licence=emobank.LICENCE,
    citation=emobank.CITATION,
    size_mb=3.2,
    shape="10,062 sentences x 3 ratings",
    loader="consona.datasets.emobank.load_emobank",
    twin="consona.datasets.twins.emobank_twin",
    redistributable=True,
    evidence=("corpus/emobank.csv",),
)


_ALICE = Corpus(
    name=alice.NAME,
    title="Alice: fMRI time courses of people who hear a story",
    licence=alice.LICENCE,
    citation=alice.CITATION,
    size_mb=3.5,
    shape="27 subjects x 362 volumes x 6 regions; 2,127 words with their times",
    loader="consona.datasets.alice.load_alice",
    twin="consona.datasets.twins.alice_twin",
    redistributable=True,
    evidence=alice.EVIDENCE,
)
_HAXBY = Corpus(
    name="haxby_pymvpa",
    title="Haxby 2001: fMRI of one person who sees eight categories of objects in twelve runs",
    licence=haxby.LICENCE,
    citation=haxby.CITATION,
    size_mb=2.5,
    shape="1 subject x 96 class means (1,452 volumes) x 530 voxels",
    loader="consona.datasets.haxby.load_haxby",
    twin="consona.datasets.twins.haxby_twin",
    redistributable=True,
    evidence=("mvpa2/data/bold.nii.gz",),
)
_OBJECTS81 = Corpus(
    name="objects81",
    title="81 object categories: visual fMRI of one person, with image and word features",
    licence=objects81.LICENCE,
    citation=objects81.CITATION,
    size_mb=0.3,
    shape="1 subject x 81 categories x 696 voxels of 7 regions; features 81 x 20 and 81 x 30",
    loader="consona.datasets.objects81.load_objects81",
    twin="consona.datasets.twins.objects81_twin",
    redistributable=False,
    evidence=(objects81.ARCHIVE, objects81.PICKLE),
)
_RSA92 = Corpus(
    name="rsa92",
    title="92 object images: dissimilarities in human cortex, behaviour and models",
    licence=rsa92.LICENCE,
    citation=rsa92.CITATION,
    size_mb=6.8,
    shape="RDMs of 92 images: 4 subjects x 2 measurements, 16 people's arrangements, 71 models",
    loader="consona.datasets.rsa92.load_rsa92",
    twin="consona.datasets.twins.rsa92_twin",
    redistributable=False,
    evidence=(rsa92.BRAIN,),
)

_MODEL_EMOTION = Corpus(
    name=emotion_concepts.RELEASE,
    title="27 emotions as people judge them: 14 attributes, and the similarity of all pairs by every rater",
    licence=emotion_concepts.LICENCE,
    citation=emotion_concepts.CITATION,
    size_mb=0.2,
    shape="27 emotions x 14 attributes; 351 pairs x 61 raters",
    loader="consona.datasets.emotion_concepts.load_emotion_raters",
    twin="consona.datasets.twins.emotion_concepts_twin",
    redistributable=False,
    evidence=(emotion_concepts.SCORES,),
)
_EMOTION_CONCEPTS = Corpus(
    name=masking_tables.TABLES,
    title="Published accuracies of a model whose neurons were silenced, with people's weights of 14 attributes",
    licence=masking_tables.LICENCE,
    citation=masking_tables.CITATION,
    size_mb=0.04,
    shape="accuracy 2 x 9 sizes x 14 attributes; drop 27 emotions x 14; neurons 14 x 12 layers",
    loader="consona.datasets.masking_tables.load_masking_tables",
    twin="consona.datasets.twins.emotion_concepts_twin",
    redistributable=False,
    evidence=("masking_accuracy.csv",),
    computed_from=(
        "These tables are means over the 648 files of accuracies per training seed, and ranks of neurons, in the "
        f"folder Result of github.com/thunlp/Model_Emotion at commit {masking_tables.COMMIT[:12]}; no server has the "
        "tables themselves. Attributes and similarities of the emotions do without them: consona fetch model_emotion"
    ),
)


def catalogue() -> tuple[Corpus, ...]:
    """Every corpus that consona can load."""
    texts, people = (_SST2, _GOEMOTIONS, _EMOBANK), (_MODEL_EMOTION, _EMOTION_CONCEPTS)
    return (_FACED, _FACED_BIDS, _SEED_V, *texts, _ALICE, _HAXBY, _OBJECTS81, _RSA92, *people, *REASONING, *SCENES)


def corpus(name: str) -> Corpus:
    """One corpus by name; :class:`ConfigError` lists the names there are."""
    for each in catalogue():
        if each.name == name:
            return each
    raise ConfigError(f"There is no corpus '{name}'; the corpora are {listed(each.name for each in catalogue())}.")


def catalogue_table() -> pd.DataFrame:
    """The catalogue as a table, one row per corpus, with the folder where each was found (empty: not here)."""
    rows = [
        {
            "name": each.name,
            "title": each.title,
            "licence": each.licence,
            "size_mb": each.size_mb,
            "shape": each.shape,
            "found": str(each.found() or ""),
            "redistributable": each.redistributable,
            "agreement": each.agreement.url if each.agreement else "",
            "loader": each.loader,
            "twin": each.twin,
            "citation": each.citation,
        }
        for each in catalogue()
    ]
    return pd.DataFrame(rows).set_index("name")
