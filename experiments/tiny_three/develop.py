"""Fine-tune the tiny models on demonstrations and let them play the development split.

    python experiments/tiny_three/develop.py weak,strong env=webshop evaluation.episodes=150

After the models come the overrides of ``train.py``; no other held-out split is looked at.
"""

from __future__ import annotations

import json
import sys
from typing import Literal, cast

from tratree.composition import compose_config
from tratree.runs.run import open_store
from tratree.stages.evaluate import evaluate_stage
from tratree.stages.file_names import METRICS
from tratree.stages.sft import sft_stage
from tratree.store.progress import Progress


def main() -> None:
    """Print one line a model: success, reward, finish rate and steps."""
    config = compose_config([*sys.argv[2:], "evaluation.splits=[development]"])
    store = open_store(config, Progress())
    for role in cast(list[Literal["weak", "strong"]], sys.argv[1].split(",")):
        trained = evaluate_stage(config, f"sft_{role}", sft_stage(config, role))
        metrics = json.loads((store.ensure(trained) / METRICS).read_text("utf-8"))["development"]
        figures = {
            name: metrics[name]["mean"] for name in ("success", "reward", "finished", "steps")
        }
        print(config.env.name, role, " ".join(sys.argv[2:]), json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
