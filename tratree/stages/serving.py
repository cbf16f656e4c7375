"""The vLLM servers of the stages that play episodes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing

import torch
from peft import PeftModel

from tratree.config import Config
from tratree.envs.base import TextEnv
from tratree.envs.registry import ENVIRONMENTS, reference_of
from tratree.errors import UserError
from tratree.models.lora import CONFIG, load_adapter, load_playing_base
from tratree.models.names import local_folder
from tratree.policy.adapter_probe import AdapterProbe
from tratree.policy.chat import ChatFormat
from tratree.policy.own_servers import ServedModel, check_own_servers, own_servers
from tratree.policy.places import nodes_of_job
from tratree.policy.rollout_settings import Episode, RolloutPlan
from tratree.policy.server_pool import ServerPool
from tratree.policy.server_rollout import roll_out_on_servers
from tratree.policy.vllm_server import VllmServer
from tratree.stages.training import base_settings, load_chat
from tratree.stages.training_settings import ADAPTER
from tratree.store.finished import read_description
from tratree.store.stage import Job, Stage
from tratree.trajectory.types import Trajectory


def check_servers(config: Config, missing: Sequence[Stage]) -> str | None:
    """Check before anything is computed that servers can be started for the stages that play.

    Returns:
        One line about GPUs that they will leave idle, if there are any.

    Raises:
        UserError: If vLLM or a free GPU is missing.
    """
    playing = any(stage.settings.get("engine") == "vllm" for stage in missing)
    if not playing or config.rollout.servers != "auto":
        return None
    check_own_servers()
    nodes = nodes_of_job()
    if nodes < 2:
        return None
    return (
        f"rollout.servers=auto starts servers on this node alone, and the job has {nodes}: to play "
        "on all, start servers on each node and name them in rollout.servers, or set "
        "rollout.engine=transformers rollout.workers=auto"
    )


class Serving:
    """The servers of a job's base model: connected to, or started, when they are first needed."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._trained = job.inputs["model"]
        self._settings = read_description(self._trained)["settings"]
        self._stack = ExitStack()
        self._pool: ServerPool | None = None
        self._adapter = ""

    def close(self) -> None:
        """Stop the servers that were started, so that no stage finds its GPUs taken."""
        if self._pool:
            self._pool.give_up()
        self._stack.close()

    def play(
        self,
        make_env: Callable[[], TextEnv],
        episodes: Sequence[Episode],
        plan: RolloutPlan,
        *,
        adapter: bool = True,
    ) -> Iterator[tuple[int, Trajectory]]:
        """Play episodes with the job's model, or its base model alone, on all servers of the base.

        Yields:
            (index in `episodes`, trajectory) of episodes as they end.

        Raises:
            UserError: If no server serves the base model, or they fail.
        """
        if not episodes:
            return
        chat = load_chat(self._settings)
        pool = self._opened(plan)
        model = self._served_adapter(pool, chat) if adapter else self._served_base(pool)
        env = read_description(self._job.inputs["games"])["settings"]["env"]
        yield from roll_out_on_servers(
            pool,
            model,
            chat,
            make_env,
            episodes,
            plan,
            concurrent=self._job.resources.servers.concurrency * len(pool.servers),
            env_threads=ENVIRONMENTS.find(reference_of(env)).waits,
        )

    def _opened(self, plan: RolloutPlan) -> ServerPool:
        if self._pool is None:
            said = self._job.progress.message
            auto = self._job.resources.servers.servers == "auto"
            found = self._started(plan) if auto else self._connected()
            self._pool = ServerPool(found, report=lambda line: said(f"  {line}"))
        return self._pool

    def _started(self, plan: RolloutPlan) -> list[VllmServer]:
        resources, base = self._job.resources, self._settings["base"]
        folder = local_folder(base["name"])
        model = ServedModel(
            name=base["name"],
            path=base["name"] if folder is None else str(folder.absolute()),
            revision=base.get("revision"),
            dtype=self._job.settings["dtype"],
            context=plan.limits.max_context,
            episodes=resources.servers.concurrency,
            lora_rank=json.loads((self._trained / ADAPTER / CONFIG).read_text("utf-8"))["r"],
            batch_invariant=self._job.settings.get("batch_invariant", False),
        )
        logs = resources.logs or resources.cache / "servers"
        started = own_servers(model, logs, resources.servers.server_start_seconds)
        servers = self._stack.enter_context(started)
        self._job.progress.message(
            f"  {len(servers)} vLLM servers of {base['name']} started; logs in {logs}"
        )
        return servers

    def _connected(self) -> list[VllmServer]:
        urls, base = self._job.resources.servers.servers, self._settings["base"]["name"]
        servers = [self._stack.enter_context(closing(VllmServer(url))) for url in urls]
        found = [server for server in servers if server.name_of(base) is not None]
        if not found:
            raise UserError(
                f"none of the vLLM servers {', '.join(urls)} serves {base}: start one "
                f"(vllm serve {base} --enable-lora) and add it to rollout.servers"
            )
        return found

    def _served_base(self, pool: ServerPool) -> str:
        base = self._settings["base"]["name"]
        first, *others = sorted({str(server.name_of(base)) for server in pool.servers})
        if others:
            raise UserError(
                f"the vLLM servers call {base} {first} and {others[0]}: start all with the same "
                "--served-model-name"
            )
        return first

    def _served_adapter(self, pool: ServerPool, chat: ChatFormat) -> str:
        """Load the adapter on every server, one after the other, and look what each plays."""
        if not self._adapter:
            name = f"{self._trained.parent.name}-{self._trained.name}"  # a key is its version
            probed = self._job.resources.servers.probe_adapters
            probe = AdapterProbe(self._adapted(), chat) if probed else None
            for server in pool.servers:
                server.load_adapter(name, self._trained / ADAPTER)
                if probe:
                    probe.check(server, name)
            self._adapter = name
        return self._adapter

    def _adapted(self) -> PeftModel:
        dtype = getattr(torch, self._job.settings["dtype"])
        base = load_playing_base(base_settings(self._settings), dtype)
        return load_adapter(base, self._trained / ADAPTER, trainable=False)
