"""This package's methods as plug-ins."""

from __future__ import annotations

from tratree.method_plugins import MethodPlugin
from tratree.plugins import imported_when_called
from tratree.stages.settings import MethodSettings

_MODULE = "tratree.stages.methods"


def _method(name: str, help: str) -> MethodPlugin:
    return MethodPlugin(name, help, imported_when_called(f"{_MODULE}:{name}"), MethodSettings)


SFT_WEAK = _method("sft_weak", "the weak model, fine-tuned on the demonstrations")
SFT_STRONG = _method("sft_strong", "the strong model, fine-tuned on the demonstrations")
MCTS = _method("mcts", "imitation of the best path of each tree, found by offline MCTS")
TREE_DPO = _method("tree_dpo", "preferences where success and failure diverge in a tree")
STEP_DPO = _method("step_dpo", "as tree_dpo, with pairs of one step")
UNSTRUCTURED_DPO = _method("unstructured_dpo", "preferences between whole trajectories")
KTO = _method("kto", "preferences without pairs: successes wanted, failures not, each on its own")
ADVANTAGE = _method("advantage", "imitation of the steps that made progress, of failures, too")
NAIVE_W2S = _method("naive_w2s", "imitation of all that the weak model did")
SUCCESS_ONLY = _method("success_only", "imitation of the weak model's successes")
REJECTION = _method("rejection", "imitation of the best that the strong model did itself")
ETO = _method("eto", "preferences of the expert over the strong model's own failures, in rounds")
CEILING = _method("ceiling", "as eto, with an expert that demonstrates the explored tasks, too")
BEST_OF_N = MethodPlugin(
    "best_of_n",
    "the best of N trajectories of the strong model after its SFT",
    imported_when_called(f"{_MODULE}:sft_strong"),
    MethodSettings,
    imported_when_called(f"{_MODULE}:evaluate_best_of_n"),
)
