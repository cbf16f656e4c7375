"""A probe tells a served adapter from none and from another one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.policy.cloned_policy import load_policy
from tests.policy.vllm_stand_in import LocalVllm, serving
from tratree.errors import UserError
from tratree.models.lora import add_lora, merge
from tratree.models.settings import LoraSettings
from tratree.policy.adapter_probe import AdapterProbe
from tratree.policy.vllm_server import VllmServer

NAME = "sft-0123456789abcdef"


def adapted(folder: Path, seed: int) -> Any:
    """Return the policy with an adapter that says something else than it."""
    model = add_lora(load_policy(folder)[0], LoraSettings(rank=4), seed)
    torch.manual_seed(seed)
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights.data, std=0.02)
    return model.eval()


@pytest.mark.parametrize(
    ("served", "said"),
    [
        ("adapter", None),
        ("base", f"says what the base model says without the adapter {NAME}"),
        ("other", f"plays something else than the adapter {NAME}: .* differ by"),
    ],
)
def test_what_is_served_is_compared(policy_folder: Path, served: str, said: str | None) -> None:
    probe = AdapterProbe(adapted(policy_folder, 1), load_policy(policy_folder)[1])
    models = {
        "adapter": lambda: merge(adapted(policy_folder, 1)),
        "base": lambda: load_policy(policy_folder)[0],
        "other": lambda: merge(adapted(policy_folder, 2)),
    }
    stand_in = LocalVllm("base", 512, {NAME: models[served]()})
    with serving(stand_in) as url, closing(VllmServer(url)) as server:
        if said is None:
            probe.check(server, NAME)
        else:
            with pytest.raises(UserError, match=said):
                probe.check(server, NAME)


def test_a_server_without_log_probabilities_is_a_user_error(policy_folder: Path) -> None:
    stand_in = LocalVllm("base", 512, {NAME: load_policy(policy_folder)[0]})

    def without(method: str, path: str, request: Any) -> tuple[int, Any]:
        status, answer = stand_in(method, path, request)
        for choice in answer.get("choices", ()):
            del choice["logprobs"]
        return status, answer

    probe = AdapterProbe(adapted(policy_folder, 1), load_policy(policy_folder)[1])
    with (
        serving(without) as url,
        closing(VllmServer(url)) as server,
        pytest.raises(UserError, match="returns no log-probabilities: use vLLM 0"),
    ):
        probe.check(server, NAME)
