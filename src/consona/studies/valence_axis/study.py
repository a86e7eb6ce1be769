"""The study of the valence axis: its settings and the order of its steps."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from consona.concepts.axis import EMOTIONS, POSITIVE, AxisRule
from consona.core.claim import Claim
from consona.engine.config import PlannedStep, Requirements, Study
from consona.studies.valence_axis.brain import brain_half
from consona.studies.valence_axis.claims import CONTROLS, all_claims
from consona.studies.valence_axis.cost import planned
from consona.studies.valence_axis.material import load_material
from consona.studies.valence_axis.reading import fitted
from consona.studies.valence_axis.text import text_half

if TYPE_CHECKING:
    from consona.engine.run import Run

PAPER_MODELS = (
    "Qwen/Qwen3-0.6B",
    "Qwen/Qwen3-1.7B",
    "Qwen/Qwen3-4B",
    "Qwen/Qwen3-8B",
    "Qwen/Qwen3-14B",
    "Qwen/Qwen3-32B",
    "mistralai/Mistral-7B-v0.3",
    "meta-llama/Llama-4-Scout-17B-16E",
    "google/gemma-3-27b-pt",
    "google/gemma-4-31B",
    "microsoft/phi-2",
    "EleutherAI/pythia-1.4b",
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
    "bigscience/bloom-560m",
)


class ValenceAxis(Study):
    """The first half of arXiv 2606.00129: an axis from nine stories, sentiment, and EEG of 28 film clips."""

    name: ClassVar[str] = "valence-axis"
    question: ClassVar[str] = (
        "Is the direction that separates pleasant from unpleasant stories in a language model also in the EEG of "
        "people "
        "who watch films?"
    )
    controls: ClassVar[tuple[str, ...]] = CONTROLS
    checks: ClassVar[tuple[str, ...]] = ("CON001", "CON002", "CON003", "CON004", "CON005", "CON007", "CON008", "CON011")

    model: str = Field(default="minilm", description="Hub id, local folder, or minilm (the model of the demo extra).")
    revision: str | None = Field(
        default=None, description="Commit of the model on the Hub; resolved and kept if empty."
    )
    dtype: Literal["float32", "bfloat16"] = Field(default="float32", description="Precision of the model.")
    chat_template: bool = Field(default=False, description="Wrap every text in the model's chat template.")
    models: tuple[str, ...] = Field(
        default=(),
        description="Further models, for the agreement between models; the paper's fourteen are listed in the docs.",
    )
    recipe: Literal["A", "B", "C"] = Field(
        default="A",
        description="A: paraphrased stories, last token, last block but one. B: stories, mean of tokens, last block. "
        "C: the class name alone, as A.",
    )
    pooling: Literal["recipe", "last", "mean", "cls"] = Field(
        default="recipe",
        description="Tokens read; recipe takes the recipe's (the mean for models that read both ways).",
    )
    layer: int | None = Field(default=None, description="Block read, negative from the end; the recipe's if empty.")
    seed_set: int = Field(
        default=1, ge=1, le=3, description="Which of the three independently written sets of stories."
    )
    axis: Literal["principal", "difference", "levels"] = Field(
        default="principal",
        description="First component of the class means (the paper's), difference of the poles, or slope on -1, 0, +1.",
    )
    positive: tuple[str, ...] = Field(
        default=POSITIVE, description="Classes on the positive side: the rule for the sign."
    )
    corpora: tuple[Literal["sst2", "goemotions", "emobank", "sentiment-twin"], ...] = Field(
        default=("sst2", "goemotions", "emobank"),
        description="Texts for zero-shot sentiment; the first one with labels is the primary one.",
    )
    lexicon: str | None = Field(default=None, description="CSV file with the columns word and valence, scored as well.")
    eeg: Literal["faced", "twin"] = Field(
        default="faced", description="Real EEG, or the synthetic twin with planted truth."
    )
    subjects: tuple[str, ...] = Field(
        default=(), description='Subjects of FACED to use, say ["sub000", "sub001", "sub002"]; all of them if empty.'
    )
    plant: Literal["valence", "clip", "none"] = Field(
        default="valence", description="What the twin holds: valence, clip identity without valence, or neither."
    )
    strength: float = Field(
        default=0.6, gt=0, description="Size of what is planted, in SD of the noise of a single clip."
    )
    n_subjects: int = Field(default=24, ge=4, description="Subjects of the twin.")
    n_random: int = Field(
        default=199, ge=19, description="Random directions, shuffled axes and matched directions each."
    )
    seed: int = Field(default=0, ge=0, description="Seed of everything that is drawn.")

    @field_validator("positive")
    @classmethod
    def _positive_names_classes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in value if name not in EMOTIONS]
        if unknown or not value or set(value) == set(EMOTIONS):
            raise ValueError(
                f"it names some, not all, of {', '.join(EMOTIONS)}; unknown: {', '.join(unknown) or 'none'}"
            )
        return value

    @field_validator("corpora")
    @classmethod
    def _corpora_hold_a_labelled_one(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not set(value) - {"emobank"}:
            raise ValueError("at least one corpus with labels is needed: sst2, goemotions or sentiment-twin")
        return value

    @model_validator(mode="after")
    def _poles_survive_a_class_left_out(self) -> "ValenceAxis":
        if self.rule.supervised and min(len(self.rule.positive), len(self.rule.negative)) < 2:
            raise ValueError(
                f"axis = '{self.axis}' is fitted to labels, so the value of a class comes from an axis without it: two "
                "classes are needed on either side. Name more in 'positive', or take axis = 'principal'"
            )
        return self

    @property
    def rule(self) -> AxisRule:
        """How the axis comes from class means; classes of story that are not positive nor neutral are negative."""
        return AxisRule(self.axis, self.positive, tuple(e for e in EMOTIONS if e not in (*self.positive, "neutral")))

    @classmethod
    def demo(cls) -> "ValenceAxis":
        """Offline in 90 s: the packaged MiniLM, the study's own texts, and EEG with planted valence."""
        return cls(axis="difference", corpora=("sentiment-twin",), eeg="twin", strength=0.3, n_random=99)

    def requires(self) -> Requirements:
        """Corpora and extras that must be there."""
        corpora = tuple(name for name in self.corpora if not name.endswith("twin"))
        extras = ("lm", "demo") if self.model == "minilm" else ("lm",)
        named = (*self.models, self.model)
        # an id on the Hub is NAME or OWNER/NAME; anything else that has a slash or a dot in front is a path
        paths = tuple(name for name in named if name.startswith(("/", ".", "~")) or name.count("/") > 1)
        paths += (self.lexicon,) if self.lexicon else ()
        return Requirements((*corpora, "faced") if self.eeg == "faced" else corpora, (*extras, "eeg"), paths)

    def plan(self) -> list[PlannedStep]:
        """Cost of every part, at rates measured on two cores."""
        return planned(
            self.corpora, n_models=1 + len(self.models), minilm=self.model == "minilm", real=self.eeg == "faced"
        )

    def conduct(self, run: "Run") -> list[Claim]:
        """Texts first, then brains, then claims."""
        from consona.lm.loading import load_language_model

        material = load_material(self, run)
        device = run.execution.device
        lm = load_language_model(
            self.model, revision=self.revision, dtype=self.dtype, device=device, chat_template=self.chat_template
        )
        run.note_model(lm.describe())
        texts = text_half(fitted(self, run, lm, material))
        return all_claims(texts, brain_half(texts.fitted, texts))
