"""Workers in other processes, on this computer or as jobs of SLURM: they share the store and are sent keys."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from consona.core.errors import require_extra
from consona.engine.execution import Execution
from consona.engine.parcels import Parcels, Place, WorkerError, carried_out
from consona.engine.progress import say
from consona.engine.steps import Pool, Shard, Told
from consona.engine.store import Store

# Shards sent at once for every worker: one that is carried out and one that waits. Their inputs lie in the store.
_AHEAD = 2
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def pool_of(execution: Execution, store: Store) -> Pool | None:
    """The workers that an execution asks for; None where this process carries out everything.

    They are started when the first shard needs them.

    Raises
    ------
    MissingExtra
        When the packages of the extra ``cluster`` are not installed.
    """
    if execution.cluster == "none":
        return None
    require_extra("distributed", "cluster")
    if execution.cluster == "slurm":
        require_extra("dask_jobqueue", "cluster")
    return DaskPool(execution, store)


@dataclass
class DaskPool:
    """A cluster of dask.distributed; every worker carries out one shard at a time."""

    execution: Execution
    store: Store
    _cluster: Any = field(default=None, repr=False)
    _client: Any = field(default=None, repr=False)

    def carry_out(self, shards: Sequence[Shard], advance: Callable[[], None]) -> Told:
        """Carry out shards. One that is lost with its worker is sent again; one that raises is not."""
        parcels, waiting = Parcels(self.store), iter(shards)
        sent: dict[str, Shard] = {}
        made: set[str] = set()
        errors: dict[str, BaseException] = {}
        damaged: list[str] = []
        arriving = self._arriving([self._send(each, parcels, sent) for each in islice(waiting, self._n_ahead)])
        for future in arriving:
            shard = sent.pop(future.key)
            if future.status == "finished":
                made.add(shard.key.key)
                damaged += future.result()
            else:
                errors[shard.key.key] = _error_of(future, shard)
            advance()
            for another in islice(waiting, 1):
                arriving.add(self._send(another, parcels, sent))
        return Told(frozenset(made), errors, tuple(damaged))

    def close(self) -> None:
        """End the workers; shards under way are lost and made again by the next run that needs them."""
        for each in (self._client, self._cluster):
            if each is not None:
                each.close()
        self._client = self._cluster = None

    @property
    def _n_ahead(self) -> int:
        return _AHEAD * self.execution.workers

    def _arriving(self, futures: list[Any]) -> Any:
        as_completed = require_extra("distributed", "cluster").as_completed
        return as_completed(futures, loop=self._ready().loop, raise_errors=False)

    def _send(self, shard: Shard, parcels: Parcels, sent: dict[str, Shard]) -> Any:
        name = f"{shard.title} {shard.key.key}"
        sent[name] = shard
        imports = tuple(str(Path(each).absolute()) for each in sys.path)
        place = Place(str(self.store.folder.absolute()), self.execution.threads, imports)
        return self._ready().submit(_alone, parcels.packed(shard), place, key=name, pure=False, retries=0)

    def _ready(self) -> Any:
        if self._client is None:
            distributed = require_extra("distributed", "cluster")
            self._cluster = (
                local_cluster(self.execution) if self.execution.cluster == "local" else _jobs(self.execution)
            )
            self._client = distributed.Client(self._cluster, set_as_default=False)
        return self._client


def local_cluster(execution: Execution) -> Any:
    """Workers on this computer, each a process that is reached from this computer only.

    Raises
    ------
    WorkerError
        When they cannot be started.
    """
    distributed = require_extra("distributed", "cluster")
    try:
        return distributed.LocalCluster(
            n_workers=execution.workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # any free port
            memory_limit=0,  # the system decides, as without a cluster
            silence_logs="CRITICAL",
            env=dict.fromkeys(_THREADS, str(execution.threads)),
        )
    except (OSError, RuntimeError, TimeoutError) as error:
        raise WorkerError(
            f"{execution.workers} workers could not be started here ({error}). Set execution.workers to fewer, or "
            'execution.cluster to "none"; in a script of yours, start the run below: if __name__ == "__main__":'
        ) from error


def slurm_cluster(execution: Execution) -> Any:
    """The cluster whose workers are jobs of SLURM, none of them sent off yet; ``job_script()`` shows one."""
    asked = execution.slurm
    pinned = [f"export {name}={execution.threads}" for name in _THREADS]
    return require_extra("dask_jobqueue", "cluster").SLURMCluster(
        job_name="consona",
        queue=asked.partition or None,
        account=asked.account or None,
        cores=1,  # as dask counts them: one shard at a time
        job_cpu=asked.cores,
        processes=1,
        memory=asked.memory,
        walltime=asked.walltime,
        job_extra_directives=[f"--gres=gpu:{asked.gpus}"] if asked.gpus else [],
        job_script_prologue=[*pinned, *asked.prologue],
        interface=asked.interface or None,
        python=sys.executable,
        scheduler_options={"dashboard_address": ":0"},
    )


def _jobs(execution: Execution) -> Any:
    cluster = slurm_cluster(execution)
    say(f"{execution.workers} jobs are sent to SLURM; shards begin when they do.")
    # A job that ends at its walltime is replaced by another.
    cluster.adapt(minimum_jobs=execution.workers, maximum_jobs=execution.workers)
    return cluster


def _alone(parcel: bytes, place: Place) -> tuple[str, ...]:
    """Carry out a shard as any process would: xarray would ask the scheduler for a lock on every file it writes."""
    with require_extra("dask", "cluster").config.set(scheduler="synchronous"):
        return carried_out(parcel, place)


def _error_of(future: Any, shard: Shard) -> BaseException:
    """What a shard raised; in words where it was lost with one worker after another."""
    if future.status != "error":
        return WorkerError(f"Shard '{shard.title}' was given up ({future.status}). Go on with: consona resume RUN")
    error: BaseException = future.exception()
    if type(error).__name__ != "KilledWorker":
        return error.with_traceback(future.traceback())
    return WorkerError(
        f"Shard '{shard.title}' was lost with {getattr(error, 'allowed_failures', 3) + 1} workers, one after another; "
        "most often memory is the reason. Use fewer workers, a smaller block_size or target_block, or more memory."
    )
