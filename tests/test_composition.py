"""A fault of a command line is said in one line of this program, not of Hydra."""

from __future__ import annotations

import pytest
from hydra.errors import HydraException

from tratree.composition import compose_config, describe_composition_error
from tratree.errors import UserError


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("store=~nobody/x", "store=~nobody/x cannot be read as KEY=VALUE: put a value with signs"),
        ("seed", "seed cannot be read as KEY=VALUE"),
        ("seed==1", "seed==1 cannot be read as KEY=VALUE"),
        ("=1", "=1 names no setting: say KEY=VALUE"),
        ("~=1", "~=1 names no setting"),
        ("a\nb=c", "a b=c cannot be read as KEY=VALUE"),
        ("a b=c", "a b=c cannot be read as KEY=VALUE"),
        ("~tree.width", "~tree.width leaves out what every run has: set it to another value"),
        ("~model.lora", "~model.lora leaves out what every run has: set it to another value"),
        ("~method=mcts", "~method=mcts leaves out what every run has"),
        ("env.splits=[a]", "env.splits=[a] is not possible: it must be a group of names, each"),
        ("model.weak.sft=[3]", "it must be a group of keys (learning_rate, "),
        ("explore.sampling={temperature: 1}", "is not possible: it must be a list of at least one"),
        ("explore.sampling=[{temperature:-1}]", "temperature=-1 is not possible: it must be"),
        ("seed=${foo}", "seed has no value (Interpolation key 'foo' not found): correct what"),
        ("+seed=3", "seed has a value already: give seed=3, without the +"),
        ("+env=webshop", "give env=webshop, without the +"),
        ("+experiment=main_table", "give experiment=main_table, without the +"),
        ("env=[]", "env=[] is no choice: use one of alfworld, "),
        ("model.strong.name=", "model.strong.name= is not possible: it must be text of at least"),
        ("env.prompt.rules=", "env.prompt.rules= is not possible"),
        ("expert.demonstrations=", "expert.demonstrations= is not possible"),
        ("env=webshop env.games=x", "env.games is a setting of another env: choose that one"),
        ("env.target=:", "env=: is no package.module:NAME: correct it"),
    ],
)
def test_a_wrong_argument_is_one_line_that_says_what_to_do(argument: str, said: str) -> None:
    with pytest.raises((UserError, HydraException)) as caught:
        compose_config(argument.split() if argument.startswith("env=") else [argument])
    line = describe_composition_error(caught.value)
    assert said in line
    assert "\n" not in line
    assert line.count("is not possible") <= 1


def test_a_value_in_quotes_and_a_forced_one_are_taken() -> None:
    assert compose_config(["store='~nobody/x = 1'"]).store == "~nobody/x = 1"
    assert compose_config(["++seed=3"]).seed == 3
