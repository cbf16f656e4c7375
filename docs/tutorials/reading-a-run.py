# %% [markdown]
# # Reading a run
#
# What a run leaves behind, read by a program. For people there are `tratree report` and `tratree view` ([pages](../looking-at-a-run.md)). The
# run here is `debug=smoke`, everything once and very small: its numbers mean nothing. `make docs` executes this page.

# %%
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import tratree

checkout = Path(tratree.__file__).parents[1]
folder = Path(tempfile.mkdtemp())


def run(*overrides):
    command = [sys.executable, str(checkout / "train.py"), "debug=smoke", "store=store", *overrides]
    out, err = subprocess.PIPE, subprocess.STDOUT
    env = {**os.environ, "FORCE_COLOR": ""}  # plain text, also from a notebook
    return subprocess.run(
        command, cwd=folder, env=env, stdout=out, stderr=err, text=True, check=True
    ).stdout


said = run("method=mcts", "hydra.run.dir=first")
print(said[said.rindex("alfworld, mcts, seed 0\n") :])

# %% [markdown]
# ## The run folder
#
# `results.md` is this table with all tests, `results.csv` one row for each episode, `results.json` everything. `tratree.log` is what the
# terminal showed, and `starts.jsonl` has command, commit and machine of each start.

# %%
sorted(path.name for path in (folder / "first").iterdir() if path.is_file())

# %%
results = json.loads((folder / "first" / "results.json").read_text())
print(list(results))
for system, splits in results["systems"].items():
    print(system, {split: figures["reward"] for split, figures in splits.items()})

# %% [markdown]
# Each system is compared with strong SFT, task by task. Look at the interval and at p before you look at the mean: four tasks show nothing.

# %%
results["comparisons"]

# %% [markdown]
# ## Stages and the store
#
# `stages.json` says which stages the run was made of, and where they are in the store. Everything that was computed is there: demonstrations,
# adapters, episodes, trees, pairs or paths.

# %%
stages = json.loads((folder / "first" / "stages.json").read_text())
stages

# %% [markdown]
# A run with the same settings finds all of them; one with another method would compute only what differs.

# %%
again = run("method=mcts", "hydra.run.dir=second")
print(again[: again.index("system ")])

# %% [markdown]
# ## The trees
#
# A finished `trees` stage opens as a `Forest`.

# %%
from tratree.tree import Forest

(trees,) = (folder / "store" / "trees").glob("*/trees.npz")
forest = Forest.load(trees.parent)
print(forest)
forest[0]

# %% [markdown]
# ## What to look at, in this order
#
# 1. **Notes below the table.** "Nothing to learn from" means that a system is the model it started from.
# 2. **`sft_weak` and `sft_strong`.** Without a gap between them there is nothing to recover, and the gap to strong means nothing.
# 3. **How many trees hold a success and a failure.** The line of the `trees` stage says it; only those give pairs.
# 4. **The difference to strong SFT**, with its interval, over several seeds
#    ([sweeps](../sweeps.md), [what a number means](../../tratree/evaluation/README.md)).
# 5. **Episodes side by side** in the report, those with different ends first.
