"""The trials of a search, kept in a file so that it can be stopped and resumed at any time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from filelock import FileLock, Timeout
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from tratree.errors import UserError
from tratree.tuning.space import Space

JOURNAL = "study.jsonl"
STUDY = "tuning"
NUMBER, DESCRIPTION, REPEATS = "number", "description", "repeats"


@dataclass(frozen=True)
class Setting:
    """A trial of a search.

    Attributes:
        number: It counts from 0; a trial that is tried again keeps it.
        values: Proposed value of every key.
        reward: Its reward; None as long as there is none, or if it failed.
    """

    number: int
    values: Mapping[str, Any]
    reward: float | None = None


class Study:
    """A search by Optuna's TPE sampler for the setting with the highest reward.

    What is proposed depends on the seed, the trial's number and the rewards so far, so that a
    search that was stopped proposes what an undisturbed one does. Trials that failed or did not
    end before this process come first again. A trial with the values of an earlier one tells
    nothing new: it counts as a trial, but it is no second result, and guides nothing.

    Args:
        folder: The journal's folder; made if it does not exist.
        space: Space that is searched.
        seed: Decides the proposals.
        n_startup_trials: Number of random trials; then the rewards so far guide them.
        description: Everything else that identifies this search, as JSON data.

    Raises:
        UserError: If the folder holds another search.
    """

    def __init__(
        self,
        folder: Path,
        space: Space,
        *,
        seed: int,
        n_startup_trials: int,
        description: Mapping[str, Any],
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        folder.mkdir(parents=True, exist_ok=True)
        self._space = space
        self._seed = seed
        self._n_startup_trials = n_startup_trials
        _cut_unfinished_line(folder / JOURNAL)
        self._study = optuna.create_study(
            storage=_storage(folder),
            study_name=STUDY,
            direction="maximize",
            load_if_exists=True,
        )
        self._check(folder, description)
        self._failed: set[int] = set()
        self._open: dict[int, Trial] = {}
        self._start_again()

    def ask(self, count: int, total: int) -> list[Setting]:
        """Propose up to `count` further settings, so that there are at most `total`."""
        over = self.over() + len(self._failed)
        return [self._ask() for _ in range(min(count, total - over))]

    def tell(self, setting: Setting, reward: float | None) -> None:
        """Write down what a proposed setting came to; None if it failed."""
        trial = self._open.pop(setting.number)
        same = [known for known in self.results() if known.values == setting.values]
        if reward is None:
            self._failed.add(setting.number)
            self._study.tell(trial, state=TrialState.FAIL)
        elif same:
            trial.set_user_attr(REPEATS, same[0].number)
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, reward)

    def over(self) -> int:
        """Return the number of trials with a result, those that repeat another one's too."""
        latest = _latest(self._study).values()
        return sum(t.state is TrialState.COMPLETE or _repeats(t) for t in latest)

    def results(self) -> list[Setting]:
        """Return all settings that came to a reward, each once, the best first."""
        done = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        settings = _once([Setting(t.user_attrs[NUMBER], t.params, t.value) for t in done])
        return sorted(settings, key=lambda s: (-(s.reward or 0.0), s.number))

    def _ask(self) -> Setting:
        waiting = self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        number = waiting[0].user_attrs[NUMBER] if waiting else len(_latest(self._study))
        key = np.random.SeedSequence([self._seed, number])
        self._study.sampler = TPESampler(
            seed=int(key.generate_state(1)[0]),
            n_startup_trials=self._n_startup_trials,
        )
        trial = self._study.ask()
        trial.set_user_attr(NUMBER, number)
        self._open[number] = trial
        return Setting(number, self._space.choose(trial))

    def _start_again(self) -> None:
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self._study.tell(trial.number, state=TrialState.FAIL)
        for number, trial in sorted(_latest(self._study).items()):
            if trial.state is TrialState.FAIL and not _repeats(trial):
                self._study.enqueue_trial(trial.params, user_attrs={NUMBER: number})

    def _check(self, folder: Path, description: Mapping[str, Any]) -> None:
        values = {key: str(values) for key, values in self._space.values.items()}
        whole = json.loads(json.dumps({**description, "values": values, "seed": self._seed}))
        before = self._study.user_attrs.get(DESCRIPTION)
        if before is None:
            self._study.set_user_attr(DESCRIPTION, whole)
        elif before != whole:
            changed = ", ".join(key for key in whole if whole[key] != before.get(key))
            raise UserError(
                f"{folder} holds a search with other {changed}: set hydra.sweep.dir=FOLDER to a "
                "new folder, or repeat the command of that search"
            )


def read_settings(folder: Path) -> list[Setting]:
    """Return all settings that the search in `folder` has proposed so far, each once, by number.

    Raises:
        UserError: If there is no search.
    """
    if not (folder / JOURNAL).is_file():
        raise UserError(f"there is no search in {folder}: give the folder that it named at its end")
    study = optuna.load_study(study_name=STUDY, storage=_storage(folder))
    latest = sorted(_latest(study).items())
    return _once([Setting(number, t.params, t.value) for number, t in latest if not _repeats(t)])


def _storage(folder: Path) -> JournalStorage:
    return JournalStorage(JournalFileBackend(str(folder / JOURNAL)))


def _latest(study: optuna.Study) -> dict[int, FrozenTrial]:
    """Return the latest try of each setting."""
    trials = study.get_trials(deepcopy=False)
    return {t.user_attrs[NUMBER]: t for t in trials if NUMBER in t.user_attrs}


def _once(settings: list[Setting]) -> list[Setting]:
    """Leave out the later ones of equal values with a result: an older search has such."""
    results: dict[str, int] = {}
    return [
        one
        for one in sorted(settings, key=lambda setting: setting.number)
        if one.reward is None
        or results.setdefault(json.dumps(one.values, sort_keys=True), one.number) == one.number
    ]


def _repeats(trial: FrozenTrial) -> bool:
    """Return whether an earlier trial has the same values."""
    return REPEATS in trial.user_attrs


def _cut_unfinished_line(journal: Path) -> None:
    """Remove what a kill left of a last line: Optuna would write on behind it."""
    if journal.exists():
        with journal.open("rb+") as file:
            file.truncate(file.read().rfind(b"\n") + 1)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep a second search out of the folder.

    Raises:
        UserError: If one is at work there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / "study.lock").acquire(timeout=0):
            yield
    except Timeout as error:
        raise UserError(f"another search is at work in {folder}: wait until it ends") from error
