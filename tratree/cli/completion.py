"""``tratree completion SHELL``: what lets a shell complete commands, settings and choices."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from tratree.cli.arguments import ArgumentParser
from tratree.cli.main import COMMANDS, RUN
from tratree.composition import CONFIG_FOLDER, choices
from tratree.config_reading import known_settings

SCRIPTS = MappingProxyType(
    {
        "bash": r"""_tratree() {
  local line=${COMP_LINE:0:COMP_POINT} word
  word=${line##* }
  mapfile -t COMPREPLY < <(tratree completion bash --line "$line" 2>/dev/null)
  # Bash takes = and : for the end of a word, and wants only what follows them.
  [[ $word == *[=:]* ]] && COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*[=:]}"}"}")
  [[ ${COMPREPLY[0]} == *[=.] ]] && compopt -o nospace
}
complete -o default -F _tratree tratree""",
        "zsh": r"""_tratree() {
  local -a found
  found=("${(@f)$(tratree completion zsh --line "$LBUFFER" 2>/dev/null)}")
  if [[ -n $found ]]; then compadd -S '' -- $found; else _files; fi
}
compdef _tratree tratree""",
        "fish": r"""complete -c tratree -a '(tratree completion fish --line (commandline -cp))'""",
    }
)
"""By shell, what its start-up file runs; each asks this command for the words."""


def main(arguments: Sequence[str]) -> None:
    """Print the script, or the words that may end a line."""
    parser = ArgumentParser(
        prog="tratree completion",
        description="Print what lets a shell complete commands, settings and choices. Put into "
        '~/.bashrc: eval "$(tratree completion bash)"; into ~/.zshrc, after compinit: eval '
        '"$(tratree completion zsh)"; into ~/.config/fish/config.fish: tratree completion fish | '
        "source.",
    )
    parser.add_argument("shell", choices=SCRIPTS, help="whose words to print")
    parser.add_argument("--line", help="print the words that may end this line")
    given = parser.parse_args(arguments)
    if given.line is None:
        print(SCRIPTS[given.shell])
    else:
        print("\n".join(words(given.line)))


def words(line: str) -> list[str]:
    """Return what the last word of a line may become; nothing for what a shell knows better."""
    *before, word = line.split(" ")
    named = [part for part in before[1:] if part]
    if not named:
        starts: list[str] = [RUN, *COMMANDS]
    elif named[0] in COMMANDS and named[0] not in ("play", "tasks", "conversation"):
        starts = []
    else:
        starts = _overrides(word)
    return sorted({start for start in starts if start.startswith(word)})


def _overrides(word: str) -> list[str]:
    key, chosen, _ = word.partition("=")
    groups = {path.name for path in CONFIG_FOLDER.iterdir() if path.is_dir()} - {"hydra"}
    known = known_settings()
    if chosen and key in groups:
        return [f"{key}={choice}" for choice in choices(key)]
    if chosen:
        values = known[key].values if key in known else ""
        listed = values.partition("one of ")[2] or ("true, false" if "true or" in values else "")
        return [f"{key}={value}" for value in listed.split(", ") if value]
    level = word.count(".") + 1
    parts = [name.split(".") for name in known]
    keys = (".".join(p[:level]) + ("." if len(p) > level else "=") for p in parts)
    return [*(f"{group}=" for group in groups), *keys]
