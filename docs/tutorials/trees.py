# %% [markdown]
# # Trees from your own trajectories
#
# Attempts of any program become trajectory trees, preference pairs and best paths in a few lines, without a run, a model or PyTorch. This page is
# a notebook: `make docs` runs it.
#
# ## Read the attempts
#
# Here are four attempts at one task, in ShareGPT's form. `read_any` takes
# [all common forms](../../tratree/trajectory/README.md), files and folders.

# %%
import json
import tempfile
from pathlib import Path

from tratree.trajectory import read_any

GOAL = "You are in the kitchen. Your task is to: put a clean mug in the cabinet."


def record(number, actions, reward):
    turns = [{"from": "human", "value": GOAL}]
    for action in actions:
        turns.append({"from": "gpt", "value": f"Thought: Next.\nAction: {action}"})
        turns.append({"from": "human", "value": f"You {action}."})
    return {"id": "mug", "sample": number, "conversations": turns, "reward": reward}


attempts = [
    (["go to sink", "take mug", "clean mug", "put mug in cabinet"], 1),
    (["go to sink", "take mug", "clean mug", "put mug in cabinet"], 1),
    (["go to sink", "take mug", "put mug in cabinet"], 0),
    (["open fridge", "take egg"], 0),
]
folder = Path(tempfile.mkdtemp())
records = [record(number, *attempt) for number, attempt in enumerate(attempts)]
(folder / "attempts.json").write_text(json.dumps(records))

trajectories = read_any(folder / "attempts.json")
[(t.score, [step.action for step in t.steps]) for t in trajectories]

# %% [markdown]
# ## Merge them
#
# One tree for each task. `CharacterNgrams` compares observations after the same action; where environments answer in varying words,
# take `SentenceEmbeddings`.

# %%
from tratree.tree import CharacterNgrams, build_tree

tree = build_tree(trajectories, similarity=CharacterNgrams())
tree

# %% [markdown]
# ## Preference pairs
#
# There is one pair for each divergence point: at the start, and after `take mug`.

# %%
from tratree.tree import find_pairs, pair_trajectories

for pair in find_pairs(tree):
    both = pair_trajectories(tree, pair)
    shared = both.shared_steps
    print("after", [step.action for step in both.chosen.steps[:shared]])
    print("  prefer", [step.action for step in both.chosen.steps[shared:]], pair.chosen_score)
    print("  to    ", [step.action for step in both.rejected.steps[shared:]], pair.rejected_score)

# %% [markdown]
# ## The best path
#
# MCTS needs no model either. The path is a trajectory, which can be written in the form of your trainer.

# %%
from tratree.trajectory import write_conversations
from tratree.tree import path_trajectory, search_paths

(path,) = search_paths([tree])
best = path_trajectory(tree, path.nodes)
write_conversations(folder / "best.jsonl", [best], "trl")
messages = json.loads((folder / "best.jsonl").read_text())["messages"]
[(message["role"], message["content"]) for message in messages[:3]]

# %% [markdown]
# ## Keep and show them
#
# A `Forest` holds the trees of many tasks. In a notebook it shows the page that `tratree view` writes.

# %%
from tratree.tree import Forest

forest = Forest([tree])
forest.save(folder / "trees")
(folder / "trees.html").write_text(forest.render())
{name: value for name, value in forest.statistics().items() if value}

# %% [markdown]
# Next: [all of `tratree.tree`](../reference/tree.md), or [demonstrations of your own in a run](../how-to/data.md).
