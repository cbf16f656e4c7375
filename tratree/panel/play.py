"""A named model plays the panel: its episodes are kept one by one, and resumed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tratree.config import Config
from tratree.errors import UserError
from tratree.files import write_json
from tratree.models.names import public_name
from tratree.panel.chat_endpoint import ChatEndpoint
from tratree.panel.endpoint_play import play_on_endpoint
from tratree.panel.local_model import check_named, load_named
from tratree.panel.results import Results, outcome_of, write_results
from tratree.panel.tasks import Panel, read_panel
from tratree.policy.places import find_places
from tratree.policy.rollout_settings import Episode, RolloutLimits, RolloutPlan
from tratree.policy.sampling import SamplingSettings
from tratree.policy.workers import roll_out
from tratree.runs.run import open_store
from tratree.stages.environment import configured_prompt, env_opener, games_stage
from tratree.stages.evaluate import protocol, reading
from tratree.stages.playing import rollout_settings
from tratree.store.progress import Progress
from tratree.trajectory.jsonl import TrajectoryLog
from tratree.trajectory.turns import TURN_FORMS
from tratree.trajectory.types import Trajectory


@dataclass(frozen=True)
class Player:
    """A player.

    Attributes:
        model: A folder or Hub id of a model or of an adapter, or an endpoint's address.
        name: Name in results; None takes the model's own name.
        base: The base model of an adapter that does not name it.
        template: A packaged chat template; None takes the tokenizer's.
        served_model: The name of an endpoint's model; None takes its only one.
    """

    model: str
    name: str | None = None
    base: str | None = None
    template: str | None = None
    served_model: str | None = None

    @property
    def is_endpoint(self) -> bool:
        """True if it is reached by HTTP."""
        return self.model.startswith(("http://", "https://"))


def evaluate_on_panel(player: Player, config: Config, out: Path) -> tuple[Path, Results]:
    """Play the panel's tasks of the configured environment.

    Every finished episode is a line of a log beside the results; the same command resumes there.
    `config` is that of the environment, the protocol (``evaluation``, ``rollout``, and of ``model``
    the system prompt, context, lengths and number type), and the machine; `out` the folder of the
    results.

    Returns:
        The file and what it holds.

    Raises:
        UserError: If the model cannot be loaded or reached, or what is in `out` under this name was
            played otherwise.
    """
    if not player.is_endpoint:
        check_named(player.model, player.base)
    panel = read_panel(config)
    endpoint = ChatEndpoint(player.model, player.served_model) if player.is_endpoint else None
    own_name = endpoint.model if endpoint else public_name(player.model)
    name = player.name or own_name
    rules = _rules(player, own_name, config)
    folder = out / re.sub(r"[^\w.-]+", "-", name)
    log = TrajectoryLog(folder / f"{panel.environment}.episodes.jsonl")
    _keep_rules(log.path.with_suffix(".json"), {"protocol": rules, "hashes": panel.hashes()}, log)
    episodes = _episodes(panel, config)
    played = {(t.task.task_id, t.sample): t for t in log.read()}
    waiting = [e for e in episodes if (e.task.task_id, e.sample) not in played]
    progress = Progress()
    with closing(log), progress.bar(f"{name}, {panel.environment}", len(episodes)) as advance:
        advance(len(played))
        for trajectory in _play(player, endpoint, config, waiting, name):
            log.append(trajectory)
            played[trajectory.task.task_id, trajectory.sample] = trajectory
            advance(len(played))
    split_of = {task.task_id: split for split, tasks in panel.splits.items() for task in tasks}
    outcomes = tuple(
        outcome_of(split_of[e.task.task_id], played[e.task.task_id, e.sample]) for e in episodes
    )
    results = Results(name, panel.environment, panel.hashes(), rules, outcomes)
    path = folder / f"{panel.environment}.json"
    write_results(path, results)
    return path, results


def turn_form(config: Config) -> str:
    """Return the form in which turns are read, for every player: ``plain`` is for own models."""
    form = config.model.turn_form
    return "react" if form == "plain" else form


def _rules(player: Player, own_name: str, config: Config) -> dict[str, Any]:
    rules = protocol(config)
    prompt = configured_prompt(config)
    del rules["episodes"], rules["splits"]  # the hashes tell
    return {
        **rules,
        "engine": "chat endpoint" if player.is_endpoint else "transformers",
        "environment": reading(config),
        "model": own_name,
        "template": player.template,
        "system_prompt": config.model.system_prompt,
        "turn_form": turn_form(config),
        "prompt": prompt.digest if prompt is not None else None,
        "dtype": None if player.is_endpoint else config.model.rollout_dtype,
        "seed": config.seed,
    }


def _keep_rules(path: Path, rules: dict[str, Any], log: TrajectoryLog) -> None:
    """Note how the episodes of a log are played.

    Raises:
        UserError: If those that are there were played otherwise.
    """
    if log.path.exists():
        try:
            before = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            before = None
        if before != json.loads(json.dumps(rules)):
            raise UserError(
                f"{log.path} holds episodes that were played otherwise: choose another --name, or "
                "delete it"
            )
    write_json(path, rules)


def _episodes(panel: Panel, config: Config) -> list[Episode]:
    sampling = SamplingSettings(**vars(config.evaluation.sampling))
    return [
        Episode(task, sample, sampling)
        for tasks in panel.splits.values()
        for task in tasks
        for sample in range(config.evaluation.samples)
    ]


def _play(
    player: Player,
    endpoint: ChatEndpoint | None,
    config: Config,
    episodes: Sequence[Episode],
    name: str,
) -> Iterator[Trajectory]:
    system_prompt, prompt = config.model.system_prompt, configured_prompt(config)
    form = turn_form(config)
    plan = RolloutPlan(
        seed=config.seed,
        stage="evaluate",
        source=name,
        limits=RolloutLimits(**rollout_settings(config)),
        engine=config.rollout,
        workers=config.rollout,
        places=find_places(config.rollout.workers, "gpu"),
    )
    store, games = open_store(config, Progress()), games_stage(config)
    with store.using([games]):
        make_env = env_opener(store.ensure(games), store.resources.cache)
        if endpoint is not None:
            yield from play_on_endpoint(
                endpoint, make_env, episodes, plan, system_prompt, prompt, TURN_FORMS[form]
            )
            return
        load = partial(
            load_named,
            player.model,
            player.base,
            player.template,
            system_prompt,
            config.model.rollout_dtype,
            form,
            prompt,
        )
        for _, trajectory in roll_out(load, make_env, episodes, plan):
            yield trajectory
