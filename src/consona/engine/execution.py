"""How a study is carried out: where, in which blocks, by how many workers. Nothing here may change a number."""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

_DEVICE = re.compile(r"cpu|auto|mps|cuda(:\d+)?", re.ASCII)
_MEMORY = re.compile(r"\d+(\.\d+)?\s*[KMGT]i?B", re.ASCII | re.IGNORECASE)
_WALLTIME = re.compile(r"(\d+-)?\d{1,3}:\d{2}(:\d{2})?", re.ASCII)


class Slurm(BaseModel):
    """What every worker asks of SLURM; one job is one worker, which carries out one shard at a time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partition: str = Field(default="", description="Partition (queue); that of the site where empty.")
    account: str = Field(default="", description="Account to charge; that of the user where empty.")
    cores: int = Field(default=1, ge=1, description="Cores of one worker; set threads to use more than one.")
    memory: str = Field(default="16GB", description="Memory of one worker, such as 16GB.")
    walltime: str = Field(default="04:00:00", description="Longest time of one worker, HH:MM:SS.")
    gpus: int = Field(default=0, ge=0, description="GPUs of one worker.")
    interface: str = Field(default="", description="Network that jobs reach this computer by, such as ib0.")
    prologue: tuple[str, ...] = Field(default=(), description="Lines of shell before a worker starts: module load …")

    @field_validator("memory")
    @classmethod
    def _a_size(cls, memory: str) -> str:
        if not _MEMORY.fullmatch(memory.strip()):
            raise ValueError("A memory size is a number and a unit, such as 16GB or 500MB")
        return memory.strip()

    @field_validator("walltime")
    @classmethod
    def _a_time(cls, walltime: str) -> str:
        if not _WALLTIME.fullmatch(walltime.strip()):
            raise ValueError("A walltime is HH:MM:SS, or D-HH:MM:SS for days")
        return walltime.strip()


class Execution(BaseModel):
    """How a study is carried out: nothing here may change a number, so nothing here enters a key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str = Field(default="cpu", description="Where language models run: cpu, auto, mps, cuda, cuda:1.")
    threads: int = Field(
        default=1, ge=1, description="Threads of the linear algebra; more help large models, and hinder small matrices."
    )
    block_size: int = Field(default=256, ge=1, description="Stimuli per shard of a step that can be split.")
    target_block: int = Field(default=20_000, ge=1, description="Targets per shard of a step that can be split.")
    cluster: Literal["none", "local", "slurm"] = Field(
        default="none", description="Who carries out shards: this process, workers on this computer, or jobs of SLURM."
    )
    workers: int = Field(default=1, ge=1, description="How many workers a cluster has; no number depends on it.")
    slurm: Slurm = Field(default=Slurm(), description="What a worker asks of SLURM.")
    store: str | None = Field(
        default=None, description="Folder of the store; $CONSONA_STORE or the user's cache where not set."
    )

    @field_validator("device")
    @classmethod
    def _known_device(cls, device: str) -> str:
        if not _DEVICE.fullmatch(device):
            raise ValueError("A device is cpu, auto, mps, cuda, or cuda: and a number, such as cuda:1")
        return device
