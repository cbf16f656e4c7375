"""Many episodes in one object: columns of them, trees of steps, trials of tasks."""

import json

import pytest

from tests.trajectory.reading.episode import ACTIONS, ANSWERS, OPENING, ROWS, chat
from tratree.errors import UserError
from tratree.trajectory.reading.read import read_trajectory_files

STEPS = [{"obs": o, "thought": t, "action": a} for o, t, a, _ in ROWS]


def read(record, folder):
    (folder / "log.json").write_text(json.dumps(record))
    told = read_trajectory_files(folder / "log.json").trajectories
    assert all(one.first_observation == OPENING for one in told)
    assert all([step.action for step in one.steps] == ACTIONS for one in told)
    assert all(one.steps[0].observation == ANSWERS[0] for one in told)
    return [((one.record["names"] or [""])[0], one.score) for one in told]


def test_columns_of_episodes(tmp_path):
    seen = [o for o, *_ in ROWS]
    columns = {"id": ["a", "b"], "success": [True, False]}
    texts = {"observations": [seen, seen], "actions": [ACTIONS, ACTIONS]}
    assert read({**columns, **texts}, tmp_path) == [("a", 1.0), ("b", 0.0)]
    assert read({**columns, "trajectory": [STEPS, STEPS]}, tmp_path) == [("a", 1.0), ("b", 0.0)]


def test_trials_of_tasks(tmp_path):
    trials = [{"steps": STEPS, "reward": reward} for reward in (0, 1)]
    record = [{"task_id": name, "rollouts": trials} for name in "ab"]
    assert read(record, tmp_path) == [("a", 0.0), ("a", 1.0), ("b", 0.0), ("b", 1.0)]
    by_name = {name: {"trials": trials} for name in "ab"}
    assert read(by_name, tmp_path) == [("a", 0.0), ("a", 1.0), ("b", 0.0), ("b", 1.0)]


def test_episodes_within_objects_stay_apart(tmp_path):
    by_id = {name: {"steps": STEPS, "reward": reward} for name, reward in (("t1", 0), ("t2", 1))}
    assert read({"alfworld": by_id}, tmp_path) == [("t1", 0.0), ("t2", 1.0)]
    assert read({"train": {"alfworld": by_id}}, tmp_path) == [("t1", 0.0), ("t2", 1.0)]
    beside = {"summary": {"success_rate": 0.5}, "episodes": by_id}
    assert read(beside, tmp_path) == [("t1", 0.0), ("t2", 1.0)]
    with pytest.raises(UserError, match="several episodes, in first, second"):
        read({"reward": 1, "first": {"steps": STEPS}, "second": {"steps": STEPS}}, tmp_path)


def test_each_leaf_of_a_tree_ends_an_episode(tmp_path):
    def node(n, reward, *children):
        _, thought, action, answer = ROWS[n]
        state = {"thought": thought, "action": action, "observation": answer}
        return {"state": state, "reward": reward, "children": list(children)}

    first = node(0, 0, node(1, 0.5), node(1, 0))
    root = {"state": {"thought": "", "action": "", "observation": OPENING}, "children": [first]}
    assert [score for _, score in read({"id": "a", **root}, tmp_path)] == [0.5, 0.0]
    rooted = {"id": "a", "question": OPENING, "children": [first]}
    assert read(rooted, tmp_path) == [("a", 0.5), ("a", 0.0)]


def test_columns_are_divided_where_episodes_end(tmp_path):
    texts = {"observations": [o for o, *_ in ROWS] * 2, "actions": ACTIONS * 2}
    columns = {"id": "a", **texts, "rewards": [0, 1.0, 0, 0], "terminals": [0, 1, 0, 1]}
    assert read(columns, tmp_path) == [("a", 1.0), ("a", 0.0)]
    columns["terminals"] = [False, False, False, False]
    columns["timeouts"] = [False, True, False, False]
    assert read(columns, tmp_path) == [("a", 1.0), ("a", 0.0)]


def test_facts_stand_in_rows_of_their_own(tmp_path):
    for rows in (STEPS, chat()):
        lines = [{"task_id": "a", "model": "m"}, *rows, {"final_reward": 0.0}]
        (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, lines)))
        [told] = read_trajectory_files(tmp_path / "log.jsonl").trajectories
        assert [step.action for step in told.steps] == ACTIONS
        assert (told.record["names"][0], told.scored, told.success) == ("a", True, False)


def test_facts_beside_a_table_of_steps_count(tmp_path):
    rows = [list(step.values()) for step in STEPS]
    for names in (("fields", "rows"), ("columns", "data")):
        record = {"id": "a", names[0]: list(STEPS[0]), names[1]: rows, "score": 0}
        assert read(record, tmp_path) == [("a", 0.0)]
        (tmp_path / "log.json").write_text(json.dumps(record))
        [told] = read_trajectory_files(tmp_path / "log.json").trajectories
        assert told.scored


def test_what_is_no_node_of_a_tree_is_passed_over(tmp_path):
    steps = [{"obs": OPENING, "action": ACTIONS[0]}, {"obs": ANSWERS[0], "action": ACTIONS[1]}]
    root = {"id": "a", "children": [{**steps[0], "children": ["x", steps[1]]}]}
    assert read(root, tmp_path) == [("a", 0.0)]


def test_parts_of_an_episode_are_one(tmp_path):
    parts = [{"goal": "find it", "steps": STEPS[:1]}, {"goal": "take it", "steps": STEPS[1:]}]
    assert read({"id": "a", "subtasks": parts, "success": False}, tmp_path) == [("a", 0.0)]


def test_rows_name_their_episode(tmp_path):
    rows = [{"dialogue_id": name, **message} for name in "ab" for message in chat()]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, rows)))
    told = read_trajectory_files(tmp_path / "log.jsonl").trajectories
    assert [one.record["names"][0] for one in told] == ["a", "b"]


def test_rows_by_their_numbers_and_in_a_list(tmp_path):
    rows = [{"episode": e, "done": n == 1, **s} for e in (1, 2) for n, s in enumerate(STEPS)]
    told = read({str(n): row for n, row in enumerate(rows)}, tmp_path)
    assert len(told) == len(read(rows, tmp_path)) == 2


def test_numbers_of_rows_may_be_of_any_type(tmp_path):
    rows = [{"episode": 1, "step": step, **s} for step, s in zip(([0], 1), STEPS, strict=True)]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, rows)))
    [told] = read_trajectory_files(tmp_path / "log.jsonl").trajectories
    assert [step.action for step in told.steps] == ACTIONS
