"""The engine: equal to the stock one, safe with its cache, and tidy with its library copies."""

import gzip
import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from benchmarks.alfworld_steps import compare
from tests.envs.alfworld.stock_engine import needs_stock_engine
from tratree.envs.alfworld.compact_games import CompactGames
from tratree.envs.alfworld.engine import Engine, prepare
from tratree.envs.alfworld.games import Game, GameFolder
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.alfworld.translation import translate
from tratree.errors import UserError
from tratree.external_data import external_data

PLAYER = """
import random, sys
from pathlib import Path
from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.envs.alfworld.games import GameFolder
from tratree.envs.alfworld.settings import AlfworldSettings

source = GameFolder(Path(sys.argv[1]))
tasks = source.tasks("train")
for episode in range(200):
    env = AlfworldEnv(source, AlfworldSettings(name="alfworld", max_steps=3), Path(sys.argv[2]))
    env.reset(tasks[episode % len(tasks)])
    for _ in range(3):
        env.step(random.choice(env.admissible()))
    if episode % 2:
        env.close()
print("played", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("games")
    generate_games(root, "train", 28, difficulty="small", seed=0)
    generate_games(root, "valid_unseen", 2, difficulty="full", seed=0)
    return root


@pytest.fixture(scope="module")
def source(root: Path) -> GameFolder:
    return GameFolder(root)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def game(source: GameFolder) -> Game:
    return source.load(source.tasks("train")[0].task_id)


def transcript(engine: Engine, game: Game, seed: int = 0) -> list[str | None]:
    rng = random.Random(seed)
    texts: list[str | None] = [engine.start(game)]
    for _ in range(30):
        texts.append(engine.step(rng.choice(engine.admissible())))
    return texts


@needs_stock_engine
@pytest.mark.slow
def test_generated_games_play_as_on_the_stock_engine(source: GameFolder, cache: Path) -> None:
    tasks = [*source.tasks("train"), *source.tasks("valid_unseen")]
    measured = compare(source, tasks, steps=25, cache=cache)
    assert measured["steps"] == 30 * 25
    assert measured["wins"] > 0
    assert measured["ratio"] > 15


@needs_stock_engine
@pytest.mark.slow
def test_official_games_play_as_on_the_stock_engine(cache: Path) -> None:
    folder = external_data("alfworld")
    if folder is None:
        pytest.skip("needs the official games; set TRATREE_DATA")
    official = CompactGames(folder)
    compare(official, official.tasks("valid_seen")[::100], steps=30, cache=cache)


def test_a_game_starts_anew_each_time(game: Game, cache: Path) -> None:
    engine = Engine(cache)
    assert transcript(engine, game) == transcript(engine, game)


def test_engines_side_by_side_do_not_disturb_each_other(source: GameFolder, cache: Path) -> None:
    games = [source.load(task.task_id) for task in source.tasks("train")[:3]]
    alone = [transcript(Engine(cache), game, seed) for seed, game in enumerate(games)]
    engines = [Engine(cache) for _ in games]
    rngs = [random.Random(seed) for seed in range(3)]
    together: list[list[str | None]] = [[e.start(g)] for e, g in zip(engines, games, strict=True)]
    for _ in range(30):
        for engine, rng, texts in zip(engines, rngs, together, strict=True):
            texts.append(engine.step(rng.choice(engine.admissible())))
    assert together == alone


def test_library_copies_are_used_again(game: Game, cache: Path) -> None:
    def mapped() -> int:
        return len({m for m in Path("/proc/self/maps").read_text().split() if "downward" in m})

    Engine(cache).close()
    before = mapped()
    for _ in range(10):
        engine = Engine(cache)
        engine.start(game)
        engine.close()
        engine.close()
        Engine(cache).start(game)
    assert mapped() == before


def test_a_closed_engine_says_so(game: Game, cache: Path) -> None:
    engine = Engine(cache)
    engine.close()
    with pytest.raises(UserError, match="closed"):
        engine.start(game)


@pytest.mark.parametrize("end", [signal.SIGKILL, None])
def test_no_temporary_files_stay(
    root: Path, cache: Path, tmp_path: Path, end: signal.Signals | None
) -> None:
    arguments = [sys.executable, "-c", PLAYER, str(root), str(cache)]
    process = subprocess.Popen(
        arguments,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "played\n"
    assert os.listdir(tmp_path) == []
    if end is not None:
        process.send_signal(end)
    process.communicate()
    assert process.returncode == (-signal.SIGKILL if end else 0)
    assert os.listdir(tmp_path) == []


DAMAGE = {
    "cut": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "not compressed": lambda content: b"{}",
    "without fields": lambda content: gzip.compress(b"{}"),
    "not JSON": lambda content: gzip.compress(b"{"),
    "overwritten inside": lambda content: content[:500] + bytes(50) + content[550:],
}


@pytest.mark.parametrize("damage", [*DAMAGE, "deleted"])
def test_a_damaged_cache_is_made_again(game: Game, tmp_path: Path, damage: str) -> None:
    prepare.cache_clear()
    engine = Engine(tmp_path)
    expected = transcript(engine, game)
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    if damage == "deleted":
        path.unlink()
    else:
        path.write_bytes(DAMAGE[damage](content))
    prepare.cache_clear()
    assert transcript(engine, game) == expected
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_cached_translation_is_used(game: Game, tmp_path: Path) -> None:
    prepare.cache_clear()
    engine = Engine(tmp_path)
    engine.start(game)
    (path,) = tmp_path.iterdir()
    written = path.stat().st_mtime_ns
    prepare.cache_clear()
    engine.start(game)
    assert path.stat().st_mtime_ns == written


def test_an_unusable_cache_folder_is_a_user_error(game: Game, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="choose another cache folder"):
        Engine(tmp_path / "file").start(game)


def test_translation_leaves_the_interpreter_alone(game: Game, tmp_path: Path) -> None:
    arguments, output = list(sys.argv), sys.stdout
    prepare.cache_clear()
    Engine(tmp_path).start(game)
    with pytest.raises(UserError):
        Engine(tmp_path).start(replace(game, problem=game.problem[:2000]))
    assert (sys.argv, sys.stdout) == (arguments, output)


class SignalsWhenRead(str):
    """A text during whose translation a signal comes."""

    def split(self, *arguments: Any) -> list[str]:
        os.kill(os.getpid(), signal.SIGUSR2)
        return super().split(*arguments)


def test_a_signal_to_leave_during_a_translation_is_no_fault_of_the_game(
    game: Game, tmp_path: Path
) -> None:
    def leave(*_: object) -> None:
        sys.exit(-1)

    before = signal.signal(signal.SIGUSR2, leave)
    try:
        with pytest.raises(SystemExit):
            translate(game.domain, SignalsWhenRead(game.problem), tmp_path)
    finally:
        signal.signal(signal.SIGUSR2, before)


@pytest.mark.parametrize("field", ["problem", "domain", "grammar"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_a_cut_game_is_a_user_error(game: Game, cache: Path, field: str, share: float) -> None:
    text = getattr(game, field)
    broken = replace(game, **{field: text[: int(share * len(text))]})
    with pytest.raises(UserError, match="cut or malformed") as error:
        Engine(cache).start(broken)
    assert "\n" not in str(error.value)


def test_a_game_cannot_run_code(game: Game, cache: Path, tmp_path: Path) -> None:
    trap = f"{{__import__('os').mkdir('{tmp_path}/ran')}}"
    infected = replace(game, grammar=game.grammar.replace("{o.indefinite}", trap))
    assert infected != game
    with pytest.raises(UserError, match="unsupported expression"):
        Engine(cache).start(infected)
    assert not (tmp_path / "ran").exists()


def test_goals_with_odd_characters_keep_their_text(game: Game, cache: Path) -> None:
    start = game.grammar.index("Your task is to: ") + len("Your task is to: ")
    end = game.grammar.index('"', start)
    goal = "put the cup, the 2nd one, on \\u00e9tag\\u00e8re's top."
    engine = Engine(cache)
    intro = engine.start(replace(game, grammar=game.grammar[:start] + goal + game.grammar[end:]))
    assert intro.endswith("Your task is to: put the cup, the 2nd one, on étagère's top.")


def test_first_lines_of_a_game(game: Game, cache: Path) -> None:
    lines = Engine(cache).start(game).split("\n")
    assert list(islice(lines, 2)) == ["-= Welcome to TextWorld, ALFRED! =-", ""]
    assert lines[2].startswith("You are in the middle of a room. Looking quickly around you,")
    assert lines[4].startswith("Your task is to: ")
