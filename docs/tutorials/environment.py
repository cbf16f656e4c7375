# %% [markdown]
# # An environment of your own
#
# `examples/guess_number` is a whole environment in a package of its own: find a number among seven, with three guesses. This notebook plays it
# and runs the method on it; `make docs` executes it.
#
# ## What an environment is
#
# A class with `tasks`, `reset`, `step`, `admissible`, `expert` and `close`
# (`tratree/envs/base.py`), and a record that names it. Here is the record:

# %%
import sys
from pathlib import Path

import tratree

checkout = Path(tratree.__file__).parents[1]
sys.path.insert(0, str(checkout / "examples" / "guess_number"))

from guess_number import GUESS_NUMBER

GUESS_NUMBER

# %% [markdown]
# ## Play it
#
# A step answers with an observation and what is reached so far. A number that is out of range is refused, and costs a guess.

# %%
import tempfile

folder = Path(tempfile.mkdtemp())
game = GUESS_NUMBER.make(GUESS_NUMBER.settings(name="guess_number"), folder, folder)
task = game.tasks("train")[0]
print(game.reset(task).observation)
for guess in ("guess 4", "guess 99"):
    print(guess, "→", game.step(guess))

# %% [markdown]
# The expert gives the demonstrations. It must solve its tasks within the step limit.

# %%
from tratree.envs.base import play_expert

demonstration = play_expert(game, task)
for step in demonstration.steps:
    print(f"{step.thought} | {step.action} | {step.observation}")
print("score", demonstration.score)

# %% [markdown]
# ## Run the method on it
#
# The example makes two tiny untrained models whose tokens are the words of the game; a real model reads any text.
# The sizes here are small, so that this page is built in seconds.

# %%
import os
import subprocess

python_path = os.pathsep.join([str(checkout / "examples" / "guess_number"), str(checkout)])
environment = {**os.environ, "PYTHONPATH": python_path, "FORCE_COLOR": ""}


def run(*command):
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True
    )
    print(done.stdout[-1800:] if done.returncode == 0 else done.stderr)


run("-m", "guess_number.make_models", "guess_number_models")

# %%
run(
    *(str(checkout / "train.py"), "method=mcts", "store=store", "logger=none"),
    *("env=outside", "env.target=guess_number:GUESS_NUMBER"),
    *("evaluation.splits=[test]", "evaluation.episodes=null"),
    *("model.weak.name=guess_number_models/weak", "model.strong.name=guess_number_models/strong"),
    *("model.weak.sft.epochs=10", "model.strong.sft.epochs=10", "model.context=128"),
    *("expert.tasks=40", "explore.tasks=40", "rollout.workers=1"),
)

# %% [markdown]
# Ten epochs teach little. With the family's own 40 and 20 epochs, 80 demonstrations and 60 explored tasks, both SFT systems solve about a third of
# these 32 games (31 and 34 % with seed 0), in half a minute of CPU time.
#
# ## Make it yours
#
# 1. Copy `examples/guess_number`, and change the game and its expert.
# 2. `pytest tests/envs/contract --environment NAME` tests what every environment must do, such as equal answers in a second episode.
# 3. Install it (`pip install .`); its entry points make it `env=NAME`, with its own YAML files ([examples](../../examples/README.md)).
