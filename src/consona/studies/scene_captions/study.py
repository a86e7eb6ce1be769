"""The study of scene captions: its settings and the order of its steps."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from consona.core.claim import Claim
from consona.engine.config import PlannedStep, Requirements, Study
from consona.studies.scene_captions.cost import planned
from consona.studies.scene_captions.names import CONTROLS, MINILM, Brain, Mode, Plant
from consona.studies.scene_captions.sizes import SIZES, Size

if TYPE_CHECKING:
    from consona.engine.run import Run


class SceneCaptions(Study):
    """After arXiv 2209.11737: embeddings of captions, visual cortex, and networks trained to the embeddings."""

    name: ClassVar[str] = "scene-captions"
    question: ClassVar[str] = (
        "Is what visual cortex holds of a scene closer to a sentence about it than to words and categories, can the "
        "sentence be read back, and are networks that learn sentences closer to the brain than networks that learn "
        "categories?"
    )
    controls: ClassVar[tuple[str, ...]] = CONTROLS
    checks: ClassVar[tuple[str, ...]] = ("CON002", "CON004", "CON007")

    brain: Brain = Field(
        default="twin",
        description="twin (made-up people, on disk in the layout of NSD), nsd, algonauts, own (files below), images92 "
        "(human IT, dissimilarities only) or objects81 (one person, 81 categories).",
    )
    plant: Plant = Field(default="captions", description="What the made-up people hold of a scene.")
    people: tuple[str, ...] = Field(default=(), description="Subjects, such as subj01; all where empty.")
    space: Literal["fsaverage", "func1pt8mm"] = Field(default="fsaverage", description="Space of the responses of NSD.")
    responses: dict[str, str] = Field(
        default={},
        description="brain = 'own': per subject an .npy file of responses; a table of the same name beside it has the "
        "column stimulus, the image of every row.",
    )
    images_table: str = Field(
        default="", description="brain = 'own': table with one row per image; columns stimulus, caption1, caption2 …"
    )
    regions_table: str = Field(default="", description="brain = 'own': table with one row per target, column roi.")
    model: str = Field(default=MINILM, description="Sentence-embedding model: Hub id, local folder, or minilm.")
    revision: str | None = Field(default=None, description="Commit of the model on the Hub; resolved if empty.")
    compared: tuple[str, ...] = Field(default=(), description="Further sentence-embedding models beside the first.")
    tagger: str = Field(
        default="textblob", description="Parts of speech: textblob, or spacy:MODEL where spaCy's model is installed."
    )
    mode: Mode = Field(
        default="corrected",
        description="Where the paper, its released code and good practice differ: ridge grid and intercept, nouns and "
        "verbs, tests of pairs of models, ceiling of captions.",
    )
    networks: bool = Field(default=True, description="Train image networks on rendered scenes and compare them.")
    zoo: tuple[str, ...] = Field(
        default=(), description="Further image networks: resnet20-cifar10, timm:NAME, torchvision:NAME, NAME:random."
    )
    radius_mm: float = Field(default=10.8, gt=0, description="Radius of a searchlight, along the surface.")
    sentences: str = Field(
        default="",
        description="Table of your own contrast sentences, columns group and text, with the groups people, places and "
        "food, and other for the null.",
    )
    size: Literal["full", "quick"] = Field(
        default="full", description="full: the twin at one fiftieth of NSD, five seeds; quick: a few minutes."
    )
    seed: int = Field(default=0, ge=0, description="Seed of everything that is drawn.")

    @property
    def counts(self) -> Size:
        """Images, permutations and seeds of the chosen size."""
        return SIZES[self.size]

    @classmethod
    def demo(cls) -> "SceneCaptions":
        """Offline: made-up people who see rendered scenes, all steps in their quick size."""
        return cls(size="quick")

    def requires(self) -> Requirements:
        """Corpora and extras that must be there."""
        corpora = {"nsd": ("nsd",), "algonauts": ("algonauts",), "images92": ("rsa92",), "objects81": ("objects81",)}
        models = (self.model, *self.compared)
        extras = ("lm", "text", "fmri", *(("demo",) if MINILM in models else ()))
        cifar = ("resnet_cifar10",) if any("cifar10" in name for name in self.zoo) else ()
        local = tuple(each for each in models if each.startswith(("/", ".", "~")) or each.count("/") > 1)
        files = (*self.responses.values(), self.images_table, self.regions_table, self.sentences)
        return Requirements((*corpora.get(self.brain, ()), *cifar), extras, (*local, *(each for each in files if each)))

    def plan(self) -> list[PlannedStep]:
        """Cost of every part, at rates measured on one core."""
        return planned(self)

    def conduct(self, run: "Run") -> list[Claim]:
        """Texts, brains, read-out, networks; then claims."""
        from consona.studies.scene_captions.parts import all_parts

        return all_parts(self, run)
