"""``hydra/sweeper=tuning``: a search for the values with the most reward on the development split.

Trials are proposed by Optuna. Each is a normal run, started by the launcher, with a folder of its
own; all share the stage store. ``conf/hparams_search`` has searches that are ready to use.

Hydra imports this module at every start, so it imports nothing heavy.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from tratree.errors import UserError
from tratree.report.run_files import RESULTS, PointResults, read_failure, read_results

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

    from tratree.tuning.space import Space
    from tratree.tuning.study import Setting, Study

log = logging.getLogger(__name__)

SPLIT = "development"
BEST = "experiment/best.yaml"


class TuningSweeper(Sweeper):
    """Looks for the best values; see ``conf/hydra/sweeper/tuning.yaml`` for the arguments."""

    def __init__(
        self,
        n_trials: int,
        n_jobs: int,
        seed: int,
        n_startup_trials: int,
        params: Mapping[str, Any],
        at_most: Mapping[str, str],
    ) -> None:
        self._n_trials = n_trials
        self._n_jobs = n_jobs
        self._seed = seed
        self._n_startup_trials = n_startup_trials
        self._params = params
        self._at_most = at_most

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Take what Hydra has; called by it once."""
        self._context = hydra_context
        self._config = config
        self._launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Run the trials that are missing and write down the best setting.

        Raises:
            UserError: If the search is not possible as asked for, or a trial failed.
        """
        if find_spec("optuna") is None:
            raise UserError("a search needs Optuna: pip install 'tratree[tune]'")
        from tratree.cli.planned import PLAN
        from tratree.tuning.study import Study, alone

        if list(self._config.evaluation.splits) != [SPLIT]:
            raise UserError(
                f"a search looks at the split {SPLIT} alone: leave out evaluation.splits"
            )
        counts = {"n_trials": self._n_trials, "n_jobs": self._n_jobs}
        for name, count in counts.items():
            if count < 1:
                raise UserError(f"hydra.sweeper.{name}={count} is not possible: use at least 1")
        overrides = self._read(arguments)
        searched = {k: o for k, o in overrides.items() if o.is_sweep_override() and k != "seed"}
        fixed = [str(o.input_line) for k, o in overrides.items() if k not in (*searched, "seed")]
        seeds = _seeds(overrides.get("seed"), self._config.seed)
        folder = Path(str(self._config.hydra.sweep.dir))
        with alone(folder):
            OmegaConf.save(self._config, folder / PLAN)
            study = Study(
                folder,
                self._space(searched),
                seed=self._seed,
                n_startup_trials=self._n_startup_trials,
                description={"overrides": fixed, "seeds": seeds, "at_most": dict(self._at_most)},
            )
            while settings := study.ask(self._n_jobs, self._n_trials):
                self._run(settings, fixed, seeds)
                for setting in settings:
                    reward = _reward([_folder(folder, setting, seed) for seed in seeds])
                    study.tell(setting, reward)
                    self._say(setting, reward, study)
                self._write_best(folder, study, fixed, seeds)
        if study.results():
            log.info("the best setting is in %s", folder / BEST)
        if study.over() < self._n_trials:
            raise UserError("not all trials have a result")

    def _read(self, arguments: Sequence[str]) -> dict[str, Override]:
        """Return the last override of every key; the command line comes last."""
        lines = [*(f"{key}={value}" for key, value in self._params.items()), *arguments]
        parser = OverridesParser.create(config_loader=self._context.config_loader)
        return {o.get_key_element(): o for o in parser.parse_overrides(lines)}

    def _space(self, searched: Mapping[str, Override]) -> Space:
        from tratree.tuning.space import Limit, Space

        for key in searched:
            if self._context.config_loader.get_group_options(key):
                raise UserError(f"{key} cannot be searched, only values can: choose one {key}")
        limits = {
            key: Limit(other, OmegaConf.select(self._config, other))
            for key, other in self._at_most.items()
            if key in searched
        }
        return Space({key: _values(o) for key, o in searched.items()}, limits)

    def _run(self, settings: Sequence[Setting], fixed: Sequence[str], seeds: Sequence[int]) -> None:
        sweep = Path(str(self._config.hydra.sweep.dir))
        jobs = []
        for setting in settings:
            for seed in seeds:
                folder = _folder(sweep, setting, seed)
                (folder / RESULTS).unlink(missing_ok=True)
                place = f"hydra.sweep.subdir={folder.relative_to(sweep)}"
                jobs.append([*fixed, *_lines(setting), f"seed={seed}", place])
        self._launcher.launch(jobs, initial_job_idx=settings[0].number * len(seeds))

    def _say(self, setting: Setting, reward: float | None, study: Study) -> None:
        told = "failed" if reward is None else f"reward {reward:.4f}"
        best = study.results()[:1]
        known = f"; best so far {best[0].reward:.4f}, trial {best[0].number}" if best else ""
        of = f"trial {setting.number} of 0 to {self._n_trials - 1}"
        log.info("%s: %s with %s%s", of, told, " ".join(_lines(setting)), known)

    def _write_best(
        self, folder: Path, study: Study, fixed: Sequence[str], seeds: Sequence[int]
    ) -> None:
        results = study.results()
        if not results:
            return
        best = results[0]
        choices = self._config.hydra.runtime.choices
        chosen = [f"{group}={choices[group]}" for group in ("env", "method")]
        # Keys of the search file belong together: also those with one value only are in the file.
        lines = [*(f for f in fixed if f.split("=")[0] in self._params), *_lines(best)]
        elsewhere = ("env", "method", "hparams_search", *self._params)
        others = [f for f in fixed if f.split("=")[0] not in elsewhere]
        command = f"python train.py --config-dir {folder} experiment=best"
        text = (
            "# @package _global_\n"
            f"# The best of {len(results)} settings on the {SPLIT} split: "
            f"reward {best.reward:.4f}, seed {', '.join(map(str, seeds))}.\n"
            f"# {command} {' '.join(chosen + others)}\n"
            f"# or as overrides: {' '.join(lines)}\n"
            f"{OmegaConf.to_yaml(OmegaConf.from_dotlist(lines))}"
        )
        path = folder / BEST
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _seeds(override: Override | None, default: int) -> list[int]:
    """Return the seeds that every trial is run with."""
    if override is None:
        return [default]
    if override.is_discrete_sweep():
        return [int(seed) for seed in override.sweep_string_iterator()]
    return [int(override.get_value_element_as_str())]


def _values(override: Override) -> BaseDistribution:
    """Turn Hydra's ``range(…)``, ``interval(…)``, ``choice(…)`` into Optuna's words."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    sweep: Any = override.value()  # a Sweep of any kind, as `override` is one
    key = override.get_key_element()
    log_scale = "log" in sweep.tags
    if isinstance(sweep, IntervalSweep):
        assert sweep.start is not None
        assert sweep.end is not None
        return FloatDistribution(float(sweep.start), float(sweep.end), log=log_scale)
    if log_scale:
        raise UserError(f"{key}: only interval(…) can be tagged with log")
    if isinstance(sweep, RangeSweep):
        values = list(sweep.range())
        if all(isinstance(value, int) for value in values):
            return IntDistribution(values[0], values[-1], step=int(sweep.step))
        return FloatDistribution(float(values[0]), float(values[-1]), step=float(sweep.step))
    return CategoricalDistribution(list(override.sweep_string_iterator()))


def _lines(setting: Setting) -> list[str]:
    return [f"{key}={value}" for key, value in setting.values.items()]


def _folder(sweep: Path, setting: Setting, seed: int) -> Path:
    return sweep / str(setting.number) / f"seed{seed}"


def _reward(folders: Sequence[Path]) -> float | None:
    """Return the mean reward of a setting's runs; None if one failed.

    Raises:
        UserError: If a run is not over.
    """
    if any(read_failure(folder) for folder in folders):
        return None
    rewards = []
    for folder in folders:
        results = read_results(folder, PointResults)
        if results is None:
            raise UserError(
                f"{folder} has no result yet, and a search must wait for it: set "
                "hydra.launcher.wait=true, and give the same command again"
            )
        rewards.append(results["systems"][results["method"]][SPLIT]["reward"]["mean"])
    return fmean(rewards)
