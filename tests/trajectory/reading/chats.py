"""Records of conversations that several tests begin with."""

TASK = "You are in a hall. Your task is to: find a cup."

DEN = "You are in a den. Your task is to: take a pen."


def chat(*turns, **fields):
    """Return a ShareGPT record; turns are (speaker, text) or whole messages."""
    messages = [t if isinstance(t, dict) else {"from": t[0], "value": t[1]} for t in turns]
    return {**fields, "conversations": messages}


def actions(trajectory):
    return [step.action for step in trajectory.steps]


RULES = "You act in a household. Answer as:\nThought: your thoughts\nAction: your next action"

ICL = [
    ("human", DEN),
    ("gpt", "Action: take pen 1"),
    ("human", "Observation: Taken."),
    ("gpt", "Action: stop"),
]

REAL = [("human", TASK), ("gpt", "Action: look")]

CALL = {"function": {"name": "act", "arguments": '{"action": "look"}'}}
