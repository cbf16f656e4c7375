"""Connection of the stages that play episodes to a vLLM server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing

from tratree.envs.base import TextEnv
from tratree.errors import UserError
from tratree.policy.rollout_settings import Episode, RolloutPlan
from tratree.policy.server_rollout import roll_out_on_server
from tratree.policy.vllm_server import VllmServer
from tratree.stages.training import load_chat
from tratree.stages.training_settings import ADAPTER
from tratree.store.finished import read_description
from tratree.store.stage import Job
from tratree.trajectory.types import Trajectory


def play_on_server(
    job: Job,
    make_env: Callable[[], TextEnv],
    episodes: Sequence[Episode],
    plan: RolloutPlan,
    *,
    adapter: bool = True,
) -> Iterator[tuple[int, Trajectory]]:
    """Play episodes with the job's model on the server of its base model.

    Args:
        job: Its resources name the servers.
        make_env: Makes an environment.
        episodes: What to play.
        plan: How.
        adapter: Whether with what was trained, as opposed to the base model alone.

    Yields:
        (index in `episodes`, trajectory) of episodes as they end.

    Raises:
        UserError: If no server serves the base model, or it fails.
    """
    if not episodes:
        return
    trained = job.inputs["model"]
    settings = read_description(trained)["settings"]
    with ExitStack() as stack:
        servers = [stack.enter_context(closing(VllmServer(url))) for url in job.resources.servers]
        server = _server_of(servers, settings["base"]["name"])
        model = server.name_of(settings["base"]["name"])
        if adapter or model is None:
            model = f"{trained.parent.name}-{trained.name}"  # a stage's key is its version
            server.load_adapter(model, trained / ADAPTER)
        chat = load_chat(settings)
        yield from roll_out_on_server(server, model, chat, make_env, episodes, plan)


def _server_of(servers: Sequence[VllmServer], base: str) -> VllmServer:
    for server in servers:
        if server.name_of(base) is not None:
            return server
    raise UserError(
        f"none of the vLLM servers {', '.join(s.url for s in servers)} serves {base}: start one "
        f"(vllm serve {base} --enable-lora) and add it to rollout.servers"
    )
