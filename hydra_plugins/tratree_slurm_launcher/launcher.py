"""``hydra/launcher=slurm``: the points of a sweep as one SLURM job array.

Built on the stock ``submitit_slurm`` launcher, it differs in what a long sweep needs:

* The configuration of every point is composed when the sweep is submitted. What happens to the
  files in ``conf/`` while jobs wait does not matter.
* A point that fails is a job that SLURM shows as FAILED, with its traceback in the job's log.
* All points are waited for, whatever becomes of the others; or none, with ``wait: false``.

Hydra imports this module at every start, so it imports nothing heavy.
"""

from __future__ import annotations

import logging
import shlex
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, filter_overrides, run_job, setup_globals
from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf
from hydra_plugins.hydra_submitit_launcher.submitit_launcher import BaseSubmititLauncher
from omegaconf import DictConfig, OmegaConf, open_dict

from tratree.cli.failures import write_failure
from tratree.errors import UserError
from tratree.preemption import ignore_at_exit, ignoring
from tratree.report.run_files import FAILURE, read_failure

if TYPE_CHECKING:
    from submitit import Job

log = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 5.0
PASSING_STATES = frozenset(
    [
        "CONFIGURING",
        "RESIZING",
        "REQUEUE_FED",
        "REQUEUE_HOLD",
        "SIGNALING",
        "STAGE_OUT",
        "STOPPED",
        "SUSPENDED",
    ]
)
"""States of a job that is not over, which Submitit takes for one that is."""


class SlurmLauncher(BaseSubmititLauncher):
    """Submits the points of a sweep to SLURM; see ``conf/hydra/launcher/slurm.yaml``.

    Args:
        wait: Whether `launch` returns when all points are over, or when they are submitted.
        params: As of ``submitit_slurm``.
    """

    _EXECUTOR = "slurm"

    def __init__(self, wait: bool = True, **params: Any) -> None:
        super().__init__(**params)
        self.wait = wait

    def __call__(self, config: DictConfig, state: dict[Any, Any]) -> JobReturn:
        """Run a point, in a job on the cluster."""
        import submitit

        ignore_at_exit()
        Singleton.set_state(state)
        setup_globals()
        config = deepcopy(config)  # Submitit writes the argument down again if the job has to leave
        with open_dict(config.hydra.job):
            config.hydra.job.id = submitit.JobEnvironment().job_id
        done = run_job(
            hydra_context=self.hydra_context,
            task_function=self.task_function,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )
        done.return_value  # noqa: B018 - raises what the point failed of, so that the job fails
        return done

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Submit a job for each list of overrides, and wait for all if so configured.

        Raises:
            UserError: If there is no SLURM here.
        """
        if self._EXECUTOR == "slurm" and shutil.which("sbatch") is None:
            raise UserError(
                "hydra/launcher=slurm finds no sbatch: run this where SLURM is installed, or leave "
                "hydra/launcher out"
            )
        from submitit.core.utils import FailedJobError

        sweep = Path(str(self.config.hydra.sweep.dir))
        configs = [
            self._compose(overrides, initial_job_idx + number)
            for number, overrides in enumerate(job_overrides)
        ]
        for config in configs:
            (_folder(config) / FAILURE).unlink(missing_ok=True)
        state = Singleton.get_state()
        try:
            jobs = self._executor().map_array(self, configs, [state] * len(configs))
        except FailedJobError as error:
            raise UserError(f"SLURM refuses the jobs: {' '.join(str(error).split())}") from error
        for config, job in zip(configs, jobs, strict=True):
            log.info("\t#%s, job %s : %s", config.hydra.job.num, job.job_id, _name(config))
        if not self.wait:
            log.info("submitted; `tratree progress %s` says at any time how far it is", sweep)
            return [JobReturn(status=JobStatus.COMPLETED) for _ in jobs]
        _wait_for_all(jobs)
        return [_result(config, job) for config, job in zip(configs, jobs, strict=True)]

    def _compose(self, overrides: Sequence[str], number: int) -> DictConfig:
        config: DictConfig = self.hydra_context.config_loader.load_sweep_config(
            self.config, list(overrides)
        )
        with open_dict(config.hydra.job):
            config.hydra.job.id = f"not submitted yet: {number}"
            config.hydra.job.num = number
        return config

    def _executor(self) -> Any:
        import submitit

        params = dict(self.params)
        executor = submitit.AutoExecutor(
            folder=params.pop("submitit_folder"),
            cluster=self._EXECUTOR,
            slurm_max_num_timeout=params.pop("max_num_timeout"),
            # Until Submitit has its handler in place, the signal would be the job's end.
            slurm_python=shlex.join(ignoring(sys.executable)),
        )
        common = set(OmegaConf.structured(BaseQueueConf).keys())
        executor.update_parameters(
            **{
                name if name in common else f"slurm_{name}": value
                for name, value in params.items()
                if value is not None
            }
        )
        return executor


def _name(config: DictConfig) -> str:
    return " ".join(filter_overrides(config.hydra.overrides.task))


def _folder(config: DictConfig) -> Path:
    return Path(str(config.hydra.sweep.dir)) / str(config.hydra.sweep.subdir)


def _wait_for_all(jobs: Sequence[Job[JobReturn]]) -> None:
    """Look at the jobs until all are over; report their states whenever one changes."""
    said: Counter[str] = Counter()
    while True:
        jobs[0].watcher.update()
        states = Counter(job.get_info(mode="cache").get("State", "PENDING") for job in jobs)
        if states != said:
            said = states
            log.info(", ".join(f"{n} {state.lower()}" for state, n in sorted(states.items())))
        if all(is_over(job) for job in jobs):
            return
        time.sleep(LOOK_EVERY_SECONDS)


def is_over(job: Job[JobReturn]) -> bool:
    """Return whether a job has ended, well or not, as far as is known."""
    if job.paths.result_pickle.exists():
        return True
    state = job.watcher.get_state(job.job_id, mode="cache")
    return state not in PASSING_STATES and job.watcher.is_done(job.job_id, mode="cache")


def _result(config: DictConfig, job: Job[JobReturn]) -> JobReturn:
    """Return what a job that is over returned, or why it failed; that is written down too."""
    try:
        result: JobReturn = job.task(0).result()  # the run is one process, on the first node
        return result
    except Exception as error:
        folder = _folder(config)
        if read_failure(folder) is None:
            reason = f"job {job.job_id} is {job.state}: see {job.paths.stderr}"
            write_failure(folder, reason, config.hydra.overrides.task)
        failed = JobReturn(overrides=list(config.hydra.overrides.task), status=JobStatus.FAILED)
        failed.return_value = error
        return failed
