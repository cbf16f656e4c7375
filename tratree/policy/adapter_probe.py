"""A check that a server plays the adapter that it was given, against the same model here."""

from __future__ import annotations

from typing import Any

import torch
from peft import PeftModel

from tratree.errors import UserError
from tratree.policy.chat import ChatFormat
from tratree.policy.vllm_server import VllmServer

_TEXT = "You are in the middle of a room. Your task is to: look around and describe what you see."
_TOKENS = 16

_TOLERANCES = {torch.float64: 0.01, torch.float32: 0.01}
_COARSE = 0.25
"""Largest mean difference of log-probabilities that rounding may explain, below float32."""


class AdapterProbe:
    """Compares greedy answers of servers with a model of transformers and its adapter.

    A server that has no adapter is told from one that has it wherever the two models differ by more
    than servers differ from the model here; one with another adapter where its log-probabilities
    differ by more than rounding may explain. `adapted` is the model with the adapter beside its
    weights, in evaluation mode.
    """

    def __init__(self, adapted: PeftModel, chat: ChatFormat) -> None:
        self._adapted: Any = adapted
        self._vocabulary = len(chat.tokenizer)
        self._prompt = chat.with_prompt(None).first_turn(_TEXT)

    def check(self, server: VllmServer, name: str) -> None:
        """Check what `server` says under the name of the adapter.

        Raises:
            UserError: If it is not what the adapter says.
        """
        said, told = server.greedy(
            name, self._prompt, max_tokens=_TOKENS, vocabulary=self._vocabulary
        )
        served = torch.tensor(told, dtype=torch.float64)
        with_adapter = self._log_probabilities(said)
        with self._adapted.disable_adapter():
            without = self._log_probabilities(said)
        difference = float((served - with_adapter).abs().mean())
        if difference > float((served - without).abs().mean()):
            raise UserError(
                f"{server.url} says what the base model says without the adapter {name}: start it "
                "again, with a vLLM that supports LoRA adapters of this model"
            )
        if difference > _TOLERANCES.get(self._adapted.dtype, _COARSE):
            raise UserError(
                f"{server.url} plays something else than the adapter {name}: the log-probabilities "
                f"of {len(said)} tokens differ by {difference:.3g} on average; start it again with "
                "the same base model, or set rollout.probe_adapters=false"
            )

    @torch.inference_mode()
    def _log_probabilities(self, said: list[int]) -> torch.Tensor:
        """Return the log-probability of each token, shape [N], in float64."""
        device = self._adapted.device
        token_ids = torch.tensor([[*self._prompt, *said]], device=device)
        logits = self._adapted(input_ids=token_ids).logits[0, len(self._prompt) - 1 : -1]
        chosen = torch.tensor(said, device=device)[:, None]
        return torch.log_softmax(logits.double(), -1).gather(-1, chosen)[:, 0].cpu()
