"""TextWorld's context-sensitive grammar, compiled: the words for a state of the world.

Gives the same text as `textworld.envs.pddl.textgen`, which parses every template again and deep
copies every context at each use. Expressions are read by a small evaluator of their own, so a
game file can't run code.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from textworld.envs.pddl import textgen
from textworld.envs.pddl.logic import GameLogic
from textworld.logic import Rule

from tratree.errors import UserError

Facts = dict[str, set[tuple[str, ...]]]
"""Argument tuples that hold, by predicate; the known negations of p are under ``not_p``."""

Bindings = Mapping[str, str]
"""Object ids by placeholder name."""


@dataclass(frozen=True)
class World:
    """The things that text can name: the objects' display names by id, and the facts."""

    names: Mapping[str, str]
    facts: Facts


Text = Callable[[World, Bindings], str]
Query = tuple[tuple[str, tuple[str, ...]], ...]
"""Atoms that must hold together: (predicate, placeholder names)."""


def matches(query: Query, facts: Facts, bindings: Bindings) -> Iterator[Bindings]:
    """Yield all extensions of `bindings` that make `query` true, ordered by object ids.

    Different placeholders mean different objects. Predicates take arguments of one type each
    in ALFWorld's domain, so types aren't compared.
    """
    if not query:
        yield bindings
        return
    predicate, placeholders = query[0]
    bound = [(i, bindings[name]) for i, name in enumerate(placeholders) if name in bindings]
    free = [(i, name) for i, name in enumerate(placeholders) if name not in bindings]
    taken = set(bindings.values())
    for arguments in sorted(
        arguments
        for arguments in facts.get(predicate, ())
        if all(arguments[i] == value for i, value in bound)
        and not any(arguments[i] in taken for i, _ in free)
    ):
        extended = {**bindings, **{name: arguments[i] for i, name in free}}
        yield from matches(query[1:], facts, extended)


class Grammar:
    """The productions of a ``.twl2`` grammar: a symbol's text is its first applicable rule's.

    Raises:
        UserError: If the grammar is malformed, or uses an expression other than names, attributes
            and their sums and alternatives.
    """

    def __init__(self, source: str) -> None:
        try:
            logic = GameLogic(domain="", grammar=source)
            own = {_command(name): action.template for name, action in logic.actions.items()}
            own |= {_feedback(name): action.feedback_rule for name, action in logic.actions.items()}
            rules = {name: [{"rhs": text}] for name, text in own.items()}
            logic.grammar.update(textgen.ContextSensitiveGrammar.parse(json.dumps(rules)))
            self._rules: dict[str, list[tuple[Query, list[Text]]]] = {
                name: [
                    (_parse_query(rule.condition), [self._compile(symbol) for symbol in rule.rhs])
                    for rule in rules
                ]
                for name, rules in logic.grammar._rules.items()
            }
        except Exception as error:
            raise _malformed(str(error).strip().split("\n")[0] or type(error).__name__) from error

    def text(self, symbol: str, world: World, bindings: Bindings) -> str:
        """Return the text of a symbol, for example ``intro``.

        Raises:
            UserError: If no rule gives one.
        """
        for condition, parts in self._rules.get(symbol, ()):
            if next(matches(condition, world.facts, bindings), None) is not None:
                return "".join(part(world, bindings) for part in parts)
        raise _malformed(f"it has no text for {symbol!r}")

    def command_text(self, action: str, world: World, bindings: Bindings) -> str:
        """Return what an agent types for an action."""
        return self.text(_command(action), world, bindings)

    def feedback_text(self, action: str, world: World, bindings: Bindings) -> str:
        """Return what an agent reads after an action."""
        return self.text(_feedback(action), world, bindings)

    def _compile(self, symbol: textgen.Symbol) -> Text:
        if isinstance(symbol, textgen.TerminalSymbol):
            literal = str(symbol)
            return lambda world, bindings: literal
        if isinstance(symbol, textgen.NonterminalSymbol):
            name = str(symbol)
            return lambda world, bindings: self.text(name, world, bindings)
        if isinstance(symbol, textgen.EvalSymbol):
            return _compile_expression(ast.parse(symbol.expression.strip(), mode="eval").body)
        if isinstance(symbol, textgen.ListSymbol):
            items = self._compile_items(symbol.symbol)
            return lambda world, bindings: self._enumerate(items(world, bindings), world, bindings)
        items = self._compile_items(symbol)
        return lambda world, bindings: "".join(items(world, bindings))

    def _compile_items(
        self, symbol: textgen.ConditionalSymbol
    ) -> Callable[[World, Bindings], list[str]]:
        """Compile ``{expression | query}``: one text for each match of the query."""
        expression, query = self._compile(symbol.expression), _parse_query(symbol.given)
        return lambda world, bindings: [
            expression(world, match) for match in matches(query, world.facts, bindings)
        ]

    def _enumerate(self, items: list[str], world: World, bindings: Bindings) -> str:
        if not items:
            return self.text("list_empty", world, bindings)
        if len(items) == 1:
            return items[0]
        head = self.text("list_separator", world, bindings).join(items[:-1])
        return head + self.text("list_last_separator", world, bindings) + items[-1]


@lru_cache(maxsize=8)
def parse_grammar(source: str) -> Grammar:
    """Return the compiled grammar; games that share a text share the result."""
    return Grammar(source)


def _malformed(reason: str) -> UserError:
    return UserError(
        f"the text grammar is cut or malformed ({reason}); make or download the game again"
    )


def _command(action: str) -> str:
    return f"command of {action}"


def _feedback(action: str) -> str:
    return f"feedback of {action}"


def _parse_query(expression: str | None) -> Query:
    if not expression:
        return ()
    atoms = Rule.parse_conjunctive_query(expression).preconditions
    return tuple((atom.name, tuple(p.name for p in atom.parameters)) for atom in atoms)


_ATTRIBUTES: dict[str, Callable[[World, str], str]] = {
    "name": lambda world, object_id: world.names[object_id],
    "id": lambda world, object_id: object_id,
    "definite": lambda world, object_id: "the",
    "indefinite": lambda world, object_id: "a",
}


def _compile_expression(node: ast.expr) -> Text:
    match node:
        case ast.Constant(value=str(literal)):
            return lambda world, bindings: literal
        case ast.Name(id=placeholder):
            return lambda world, bindings: world.names[bindings[placeholder]]
        case ast.Attribute(value=ast.Name(id=placeholder), attr=attribute):
            get = _ATTRIBUTES[attribute]
            return lambda world, bindings: get(world, bindings[placeholder])
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            first, second = _compile_expression(left), _compile_expression(right)
            return lambda world, bindings: first(world, bindings) + second(world, bindings)
        case ast.BoolOp(op=ast.Or(), values=[left, right]):
            first, second = _compile_expression(left), _compile_expression(right)
            return lambda world, bindings: first(world, bindings) or second(world, bindings)
    raise ValueError(f"unsupported expression {ast.unparse(node)!r}")
