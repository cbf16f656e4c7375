"""Observations within labels, tags and objects."""

import pytest

from tratree.trajectory.reading.observed import observed

SEEN = "On the desk 1, you see a pen 1."


@pytest.mark.parametrize(
    "text",
    [
        SEEN,
        f"Observation: {SEEN}",
        f"Observation 12: {SEEN}",
        f"**Observation:** {SEEN}",
        f"obs：{SEEN}",
        f"<observation>\n{SEEN}\n</observation>",
        f'<tool_response>{{"result": "{SEEN}"}}</tool_response>',
        f'{{"observation": "{SEEN}", "reward": 0.0, "done": false}}',
    ],
)
def test_an_observation_is_what_the_environment_gave(text):
    assert observed(text) == SEEN


@pytest.mark.parametrize("text", ["", "{not JSON", '{"price": 3}', "Observe: a cup.", "[1, 2]"])
def test_other_texts_stay(text):
    assert observed(text) == text
