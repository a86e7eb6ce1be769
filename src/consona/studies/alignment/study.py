"""The study of the user's own data: its settings and the order of its steps."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from consona.core.claim import Claim
from consona.engine.config import PlannedStep, Requirements, Study
from consona.studies.alignment.claims import NAMES, all_claims
from consona.studies.alignment.cost import planned
from consona.studies.alignment.decoding import decoding_part
from consona.studies.alignment.encoding import encoding_part
from consona.studies.alignment.figures import draw
from consona.studies.alignment.geometry import geometry_part
from consona.studies.alignment.material import load_material
from consona.studies.alignment.outputs import write_outputs
from consona.studies.alignment.parts import Parts, noted

if TYPE_CHECKING:
    from consona.engine.run import Run

Analysis = Literal["encoding", "rsa", "decoding"]


class Alignment(Study):
    """Encoding, RSA and decoding between one table of stimuli, one model and the recordings of one or more subjects."""

    name: ClassVar[str] = "alignment"
    question: ClassVar[str] = "How far do these features and these recordings agree about the stimuli?"
    controls: ClassVar[tuple[str, ...]] = NAMES
    checks: ClassVar[tuple[str, ...]] = ("CON002", "CON005", "CON007", "CON011")

    stimuli: str = Field(
        examples=["stimuli.csv"],
        description="Table of stimuli, CSV or TSV: a column 'stimulus' (ids), 'text', and groups.",
    )
    recordings: tuple[str, ...] = Field(
        examples=[["sub-*.npz"]],
        min_length=1,
        description="One file per subject (or patterns, '*'): .npy, .npz, .csv, .nii.gz, -epo.fif; or BIDS.",
    )
    order: str | None = Field(
        default=None,
        examples=["rows.csv"],
        description="Table with a column 'stimulus': which one each row or volume of a recording shows.",
    )
    targets: str | None = Field(
        default=None,
        examples=["targets.csv"],
        description="Table with a row per target; its columns (roi) name regions.",
    )
    column: str = Field(default="stimulus", description="Column of BIDS tables or epochs that names the stimulus.")
    mask: str | None = Field(
        default=None, examples=["mask.nii.gz"], description="Mask of the voxels, for recordings in NIfTI."
    )
    model: str | None = Field(
        default=None, examples=["minilm"], description="Hub id, local folder, or minilm; reads the column 'text'."
    )
    features: str | None = Field(
        default=None,
        examples=["features.npz"],
        description="Instead of a model: .npy, .npz or .csv, one row a stimulus.",
    )
    revision: str | None = Field(
        default=None, description="Commit of the model on the Hub; resolved and kept if empty."
    )
    dtype: Literal["float32", "bfloat16"] = Field(default="float32", description="Precision of the model.")
    pooling: Literal["last", "mean", "cls"] = Field(
        default="mean", description="How the tokens of a text become one vector."
    )
    layers: tuple[int, ...] = Field(default=(), description="Blocks to read, from 0; all of them if empty.")
    layer: int = Field(
        default=-1,
        description="Layer whose geometry is compared and which is decoded, negative from the end; encoding "
        "chooses by itself, in training.",
    )
    hold_out: Literal["stimuli", "runs", "time"] = Field(
        default="stimuli",
        description="stimuli: new stimuli are predicted. runs: whole runs that show the same conditions. time: "
        "blocks of a time series, whose rows are volumes.",
    )
    group: str | None = Field(
        default=None,
        examples=["category"],
        description="Column whose groups are held out and permuted whole (category, story); each stimulus "
        "by itself if empty.",
    )
    run: str = Field(default="run", description="Column that names the run, for hold_out runs and time.")
    words: str | None = Field(
        default=None,
        examples=["words.csv"],
        description="For time: a table of words with the columns 'text', 'onset', 'offset' (s), read in order.",
    )
    context: int = Field(
        default=32, ge=1, description="Words that a model reads up to and including each word of a story."
    )
    tr_s: float | None = Field(
        default=None, examples=[2.0], gt=0, description="For time: seconds per volume; from the column 'time' if empty."
    )
    n_delays: int = Field(
        default=4, ge=1, le=12, description="For time: delays of 1, 2 … volumes given to every feature."
    )
    purge: int | None = Field(
        default=None,
        examples=[6],
        ge=0,
        description="For time: volumes beside a test block left out of training; estimated if empty.",
    )
    n_folds: int = Field(default=5, ge=2, description="Folds; as many as there are groups leaves one out at a time.")
    region: str | None = Field(
        default=None, examples=["roi"], description="Coordinate of the targets to average over; roi where there is one."
    )
    analyses: tuple[Analysis, ...] = Field(default=("encoding", "rsa", "decoding"), description="What is done.")
    dissimilarity: Literal["correlation", "squared euclidean", "cosine"] = Field(
        default="correlation", description="Dissimilarity of two responses."
    )
    comparison: Literal["pearson", "spearman", "kendall tau-a", "rho-a", "cosine"] = Field(
        default="spearman", description="How dissimilarities are compared."
    )
    n_permutations: int = Field(default=100, ge=19, description="Orders of the null, each fitted again.")
    n_permutations_rsa: int = Field(default=1000, ge=19, description="Relabellings of the stimuli for RSA.")
    strict: bool = Field(
        default=False, description="Stop at a constant or missing target instead of leaving it undefined."
    )
    seed: int = Field(default=0, ge=0, description="Folds, permutations, draws, random weights.")

    @model_validator(mode="after")
    def _one_model(self) -> "Alignment":
        if (self.model is None) == (self.features is None):
            raise ValueError("Give either 'model' (reads the texts) or 'features' (a file), not both and not neither.")
        if self.words is not None and self.hold_out != "time":
            raise ValueError("'words' belongs to a time series: set hold_out = \"time\".")
        return self

    def requires(self) -> Requirements:
        """Files named in the settings, and the extras that read them."""
        one_each = (self.stimuli, self.mask, self.features, self.words, self.order, self.targets)
        files = [name for name in one_each if name]
        files += [name for name in self.recordings if "*" not in name]
        extras = {"lm"} if self.model else set()
        extras |= {"demo"} if self.model == "minilm" else set()
        extras |= {"eeg"} if any(name.endswith((".fif", ".fif.gz")) for name in self.recordings) else set()
        extras |= {"fmri"} if self.mask or any(".nii" in name for name in self.recordings) else set()
        return Requirements((), tuple(sorted(extras)), tuple(files))

    def plan(self) -> list[PlannedStep]:
        """Cost of every part, from the sizes of the files."""
        return planned(self)

    def conduct(self, run: "Run") -> list[Claim]:
        """Material, encoding, geometry, decoding, files, claims, figures."""
        material = load_material(self, run)
        encoded = encoding_part(self, run, material) if "encoding" in self.analyses else None
        geometry, decoded = None, None
        if "rsa" in self.analyses:
            with noted(run, "No RSA"):
                geometry = geometry_part(self, run, material)
        if "decoding" in self.analyses:
            with noted(run, "No decoding"):
                decoded = decoding_part(self, run, material)
        if encoded is not None:
            write_outputs(run, material, encoded)
        parts = Parts(encoded, geometry, decoded)
        claims = all_claims(self, run, material, parts)
        draw(run, material, parts, claims)
        return claims
