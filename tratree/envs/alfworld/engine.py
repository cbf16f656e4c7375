"""Fast stepping of ALFWorld games on TextWorld's real engine: Fast Downward and the text grammar.

Feedback, admissible commands and the goal test equal those of the stock `PddlEnv` under
alfworld's demangler (``benchmarks/alfworld_steps.py`` compares them). What makes it fast: each
grammar is parsed once, a ground operator's command is worded once a game, facts are plain tuples,
and a problem is translated once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING
from weakref import finalize

from fast_downward.interface import Atom, Operator

from tratree.envs.alfworld import library
from tratree.envs.alfworld.games import unescaped
from tratree.envs.alfworld.grammar import Bindings, Grammar, World, parse_grammar
from tratree.envs.alfworld.translation import translate
from tratree.errors import UserError

if TYPE_CHECKING:
    from tratree.envs.alfworld.games import Game

_GOAL = re.compile(r'(?<="Your task is to: )(?:[^"\\\n]|\\.)*(?=")')
_GOAL_MARK = "UNKNOWN GOAL"


@dataclass(frozen=True)
class PreparedGame:
    """Everything about a game that playing doesn't change.

    Attributes:
        grammar: The words, with a mark in place of the goal sentence.
        sas: The problem for Fast Downward.
        parameters: The parameter names of every action.
        facts: The facts at the start.
        names: Display names by object id.
        commands: Command texts by operator id, filled as operators turn up. They stay right
            because ALFWorld's commands name only objects and where receptacles are.
    """

    grammar: Grammar
    sas: bytes
    parameters: Mapping[str, list[str]]
    facts: Mapping[str, frozenset[tuple[str, ...]]]
    names: Mapping[str, str]
    commands: dict[int, str] = field(default_factory=dict)


@lru_cache(maxsize=32)
def prepare(domain: str, problem: str, grammar: Grammar, cache_folder: Path) -> PreparedGame:
    """Translate a game and name its objects as alfworld does; the latest games are remembered.

    Raises:
        UserError: If the PDDL is malformed or the cache folder can't be written.
    """
    translation = translate(domain, problem, cache_folder)
    facts: dict[str, set[tuple[str, ...]]] = {}
    for predicate, *arguments in translation.facts:
        facts.setdefault(predicate, set()).add(tuple(arguments))
    objects = sorted({argument for _, *arguments in translation.facts for argument in arguments})
    # Imported here, after `tratree.envs.alfworld.package`, and because it brings textworld.
    from alfworld.agents.utils.misc import Demangler

    demangler = Demangler(game_infos={name: SimpleNamespace(id=name) for name in objects})
    return PreparedGame(
        grammar=grammar,
        sas=translation.sas.encode(),
        parameters=translation.parameters,
        facts={predicate: frozenset(arguments) for predicate, arguments in facts.items()},
        names={name: demangler.demangle_alfred_name(name) for name in objects},
    )


class Engine:
    """Plays one game at a time, game after game; not picklable.

    Attributes:
        won: Whether the goal holds.
    """

    def __init__(self, cache_folder: Path) -> None:
        self._cache_folder = cache_folder
        self._library = library.acquire()
        self._release = finalize(self, library.release, self._library)

    def start(self, game: Game) -> str:
        """Start a game from its beginning and return the opening text.

        Raises:
            UserError: If the game's PDDL or grammar is cut or malformed, or the engine closed.
        """
        if not self._release.alive:
            raise UserError("this ALFWorld engine is closed; open a new environment")
        goal = _GOAL.search(game.grammar)  # data, whatever its characters mean in a grammar
        grammar = parse_grammar(_GOAL.sub(_GOAL_MARK, game.grammar))
        self._game = prepare(game.domain, game.problem, grammar, self._cache_folder)
        facts = {predicate: set(arguments) for predicate, arguments in self._game.facts.items()}
        self._world = World(self._game.names, facts)
        self._library.load_sas(self._game.sas)
        self._observe()
        text = grammar.text("intro", self._world, {})
        return text.replace(_GOAL_MARK, unescaped(goal.group())) if goal else text

    def step(self, command: str) -> str | None:
        """Carry out a command and return the feedback; None if it isn't admissible."""
        operator = self._operators.get(command)
        if operator is None:
            return None
        effects = (Atom * operator.nb_effect_atoms)()
        self._library.apply_operator(operator.id, effects)
        for effect in effects:
            self._apply(effect.name)
        self._observe()
        action, bindings = self._ground(operator)
        return self._game.grammar.feedback_text(action, self._world, bindings)

    def admissible(self) -> list[str]:
        """Return the commands that can be carried out now, sorted."""
        return sorted(self._operators)

    def changed_facts(self) -> str:
        """Return the facts that became true or untrue since the start, as text, sorted."""
        before = self._game.facts
        return "; ".join(
            sorted(
                f"{sign}{predicate}({', '.join(fact)})"
                for predicate, now in self._world.facts.items()
                for sign, some in (
                    ("+", now - before.get(predicate, frozenset())),
                    ("-", before.get(predicate, frozenset()) - now),
                )
                for fact in some
            )
        )

    def close(self) -> None:
        """Hand the library back for the next engine; may be called twice."""
        self._release()

    def _observe(self) -> None:
        """Read from the library which operators can be applied and whether the goal holds."""
        operators = (Operator * self._library.get_applicable_operators_count())()
        self._library.get_applicable_operators(operators)
        self._operators: dict[str, Operator] = {}
        commands = self._game.commands
        for operator in operators:
            command = commands.get(operator.id)
            if command is None:
                action, bindings = self._ground(operator)
                command = self._game.grammar.command_text(action, self._world, bindings)
                commands[operator.id] = command
            self._operators.setdefault(command, operator)
        self.won: bool = self._library.check_goal()

    def _ground(self, operator: Operator) -> tuple[str, Bindings]:
        action, *arguments = operator.name.split()
        return action, dict(zip(self._game.parameters[action], arguments, strict=True))

    def _apply(self, effect: str) -> None:
        """Update the facts by an effect written ``Atom p(a, b)`` or ``NegatedAtom p(a, b)``."""
        kind, atom = effect.split(" ", 1)
        predicate, _, arguments = atom.rstrip(")").partition("(")
        true, false = predicate, f"not_{predicate}"
        if kind == "NegatedAtom":
            true, false = false, true
        fact = tuple(arguments.split(", ")) if arguments else ()
        self._world.facts.setdefault(false, set()).discard(fact)
        self._world.facts.setdefault(true, set()).add(fact)
