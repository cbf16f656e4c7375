"""The outcome that a record states, in whatever place and scale."""

import pytest

from tests.trajectory.reading.chats import REAL, TASK, chat
from tratree.trajectory.reading.record_error import RecordError
from tratree.trajectory.reading.records import read_record

CUT = (
    {"exit_reason": "max_steps"},
    {"stop_reason": "Max turns reached"},
    {"exit_status": "max_iterations"},
    {"status": "task limit reached"},
    {"termination_reason": "context_length_exceeded"},
    {"result": "agent gave up"},
    {"truncated": True},
    {"max_steps_reached": True},
    {"reward": None, "end_state": "out of steps"},
)
"""Fields of episodes that ended at a limit."""


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({}, None),
        ({"reward": None, "success": None}, None),
        ({"success": False}, (0.0, False)),
        ({"success": "true"}, (1.0, True)),
        ({"won": 1}, (1.0, True)),
        ({"score": 0}, (0.0, False)),
        ({"score": "0.75"}, (0.75, False)),
        ({"score": "75%"}, (0.75, False)),
        ({"score": "35/100", "env": "sciworld"}, (0.35, False)),
        ({"score": True}, (1.0, True)),
        ({"meta": {"reward": 0, "success": False}}, (0.0, False)),
        ({"info": {"won": True}}, (1.0, True)),
        ({"extra": {"meta": {"final_reward": 0.5}}}, (0.5, False)),
        ({"meta": {"reward": 0.3, "success": True}}, (0.3, True)),
        ({"rewards": [0, 0, 1]}, (1.0, True)),
        ({"outcome": "failure"}, (0.0, False)),
        ({"meta": {"status": "Success"}}, (1.0, True)),
        ({"status": "completed"}, None),
        ({"rewards": [0.1, 0.4]}, (0.4, False)),
        ({"rewards": [0, None, 0]}, (0.0, False)),
        ({"scores": [0.5, 0.2]}, (0.2, False)),
        ({"reward": 50, "env": "sciworld"}, (0.5, False)),
        ({"reward": 100, "id": "sciworld_12"}, (1.0, True)),
        ({"reward": -100, "task_type": "boil", "dataset": "ScienceWorld"}, (0.0, False)),
        ({"reward": 1, "environment": "scienceworld"}, (1.0, True)),
        ({"reward": 10.0, "data_source": "alfworld"}, (1.0, True)),
        ({"isSuccess": False}, (0.0, False)),
        ({"Reward": 0}, (0.0, False)),
        ({"meta.reward": 0.5}, (0.5, False)),
        ({"extra.won": [False]}, (0.0, False)),
        ({"metrics": {"success": 0.0}}, (0.0, False)),
        ({"eval_result": {"finalScore": 0}}, (0.0, False)),
        ({"success_rate": 0.0}, (0.0, False)),
        ({"outcome_reward": 0}, (0.0, False)),
        ({"final_info": {"won": False}}, (0.0, False)),
        ({"metadata": '{"reward": 0.0}'}, (0.0, False)),
        ({"failed": True}, (0.0, False)),
        ({"unsuccessful": True}, (0.0, False)),
        ({"goal_reached": "no"}, (0.0, False)),
        ({"completed": False}, (0.0, False)),
        ({"completed": True}, None),
        ({"result": 0}, (0.0, False)),
        ({"outcome": 0.4}, (0.4, False)),
        ({"status": 0}, None),
        ({"reward": "", "score": "N/A", "success": "unknown"}, None),
        ({"rewards": {"total_reward": 0}}, (0.0, False)),
        ({"score": 40, "max_score": 100}, (0.4, False)),
        ({"score": 1, "max_score": 100, "env": "sciworld"}, (0.01, False)),
        ({"task_status": "FAILED"}, (0.0, False)),
        ({"episode": {"cum_reward": 0}}, (0.0, False)),
        ({"env_rewards": [0, 0]}, (0.0, False)),
        ({"label": False}, (0.0, False)),
        ({"score": -1, "max_score": 100, "env": "sciworld"}, (0.0, False)),
        ({"reward_model": {"score": 1}, "config": {"reward": 5}, "format_reward": 1}, None),
        ({"env_metrics": {"webshop/success": 0.0, "webshop/num_actions": 5}}, (0.0, False)),
        ({"scores": {"includes": {"value": "I", "answer": "x"}}}, (0.0, False)),
        ({"scores": {"alfworld": 1.0}}, (1.0, True)),
        ({"scores": {"format": 1, "success": 0}}, (0.0, False)),
        ({"accuracy_reward": 0.0, "format_reward": 1.0}, (0.0, False)),
        ({"resolved": False}, (0.0, False)),
        ({"is_done": False, "progress_rate": 0.5}, (0.5, False)),
        ({"reward": -0.1}, (0.0, False)),
        ({"success": "0.0"}, (0.0, False)),
        ({"env_name": "Webshop", "reward": 10.0}, (1.0, True)),
        ({"reward": 10.0, "won": True}, (1.0, True)),
        ({"judgement": "incorrect"}, (0.0, False)),
        ({"verifier_reward": 0}, (0.0, False)),
        ({"outcome": "partial success"}, None),
        ({"eval": "passed"}, (1.0, True)),
        ({"success": [], "reward": 0}, (0.0, False)),
        ({"outcome": "The task was not solved"}, (0.0, False)),
        ({"status": "Task not completed"}, (0.0, False)),
        ({"outcome": "Task completed: success"}, (1.0, True)),
        ({"outcome": "loss"}, (0.0, False)),
        ({"game_result": "victory"}, (1.0, True)),
        ({"human_label": "success", "sampling_params": {"reward": 0}}, (1.0, True)),
        ({"use_reward": True, "reward_type": "sparse"}, None),
        ({"score_final": 0.5}, (0.5, False)),
        ({"gpt_score": 1, "human_score": 0}, None),
        ({"answer_correct": False}, (0.0, False)),
        ({"shopper_was_successful": "no"}, (0.0, False)),
        ({"household_task_solved": False}, (0.0, False)),
        ({"rewards": "[0, 0, 1]"}, (1.0, True)),
        ({"last_action_success": True, "format_correct": True, "times_solved": 1}, None),
        ({"reward": {"total": None}}, None),
        ({"win_rate": 0.0}, (0.0, False)),
        ({"is_winner": False}, (0.0, False)),
        ({"all_goals_met": True}, (1.0, True)),
        ({"verified": False, "reward": None}, (0.0, False)),
        ({"solution_found": False}, (0.0, False)),
        ({"done": True, "done_reason": "success"}, (1.0, True)),
        ({"termination": True, "finish_reason": "stop"}, None),
        ({"extra": {"eval": {"alfworld": {"success": True}}}}, (1.0, True)),
        ({"ep_rew": 0.0, "ep_len": 4}, (0.0, False)),
        ({"evaluation_result": "Task failed."}, (0.0, False)),
        ({"status": "not solved yet"}, (0.0, False)),
        ({"status": "Solved successfully"}, (1.0, True)),
        ({"result": "You see nothing of a success in this room"}, None),
        ({"info": "{'won': False, 'x': None}"}, (0.0, False)),
        ({"info": "{'won': "}, None),
        ({"history": {"finalNormalizedScore": 0.83}}, (0.83, False)),
        ({"env_info": {"episode": {"r": 1.0, "l": 12}}}, (1.0, True)),
        ({"rm_scores": [0.0, 0.0, 1.0]}, (1.0, True)),
        ({"completion_status": "failure"}, (0.0, False)),
        ({"solved": "Yes."}, (1.0, True)),
        *((fields, (0.0, False)) for fields in CUT),
        ({"truncated": False}, None),
        ({"truncated": True, "reward": 1.0}, (1.0, True)),
        ({"max_steps": 30, "timeout": 60}, None),
        ({"exit_reason": "task solved before max steps"}, None),
        ({"status": "limit reached", "score": 0.4}, (0.4, False)),
        ({"label": "negative"}, (0.0, False)),
        ({"scores": {"env": {"value": "P"}}}, (0.5, False)),
        ({"status": "COMPLETED", "exit_code": 0, "finish_reason": "stop"}, None),
        ({"verdict": {"passed": False, "reason": "success is far"}}, (0.0, False)),
    ],
)
def test_outcomes_are_read_where_they_stand(fields, outcome):
    (told,) = read_record(chat(*REAL, **fields))
    assert told.scored == (outcome is not None)
    assert (told.score, told.success) == (outcome or (0.0, False))


def test_a_won_episode_of_steps_has_the_highest_score_of_any_scale():
    step = {"observation": TASK, "action": "look"}
    for won, outcome in ((True, (1.0, True)), (False, None)):
        record = {"steps": [step, {**step, "reward": 10.0, "info": {"won": won}}]}
        if outcome is None:
            with pytest.raises(RecordError, match="beyond 0 to 1"):
                read_record(record)
        else:
            assert (read_record(record)[0].score, read_record(record)[0].success) == outcome


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"rewards": [0.5, 0.5]}, "rewards that rise"),
        ({"rewards": [8, 25], "env": "sciworld"}, "rewards that rise"),
        ({"rewards": [0.5, 1.0]}, ""),
        ({"rewards": [0, 0.5]}, ""),
        ({"scores": [0.5, 0.5]}, ""),
        ({"quality_score": 0.9}, "though quality_score may be one"),
        ({"note": "a score"}, ""),
        ({"verifier_reward": 0}, "read from verifier_reward"),
        ({"gpt_score": 1, "human_score": 0}, "though gpt_score may be one"),
        ({"completed": True}, "though completed may be one"),
        ({"reward_model": {"score": 1}, "max_score": 100}, ""),
    ],
)
def test_doubts_about_an_outcome_are_said(fields, said):
    (told,) = read_record(chat(*REAL, **fields))
    doubt = told.record.get("doubt", "")
    assert said in doubt
    assert bool(said) == bool(doubt)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"reward": 50}, "beyond 0 to 1"),
        ({"reward": 20, "env": "webshop"}, "webshop has none"),
        ({"reward": -5.5}, "beyond 0 to 1"),
        ({"scores": {"style": 0.5, "tone": 1}}, "scores has 'style, tone': name the number"),
        ({"score": "abc"}, "score is 'abc', not a number"),
        ({"score": {}}, "score has ''"),
        ({"meta": {"reward": []}, "success": {}}, "success is dict, not true or false"),
        ({"success": 0.5}, "success is 0.5"),
        ({"rewards": [0, "x"]}, r"rewards\[1\] is 'x'"),
        ({"id": 1.5}, "id is 1.5, not a name"),
        ({"id": {"a": 1}}, "id is dict"),
        ({"id": float("nan")}, "JSON cannot"),
        ({"note": "\ud800"}, "JSON cannot"),
    ],
)
def test_wrong_fields_are_named(fields, said):
    with pytest.raises(RecordError, match=said):
        read_record(chat(*REAL, **fields))
