"""Turn recorded play into rows of token ids, one file an environment.

python recipes/tiny_three/encode.py webshop --output WORK
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

import numpy as np
from build_tokenizer import build
from play import ENVIRONMENTS
from transcript import Transcript, read_transcripts

from tratree.policy.chat import ChatFormat


def encode(chat: ChatFormat, transcript: Transcript, length: int) -> list[int]:
    """Return the first `length` tokens of a transcript."""
    row: list[int] = []
    for episode in transcript.episodes:
        row += chat.first_turn(episode["opening"])
        for thought, action, observation in episode["turns"]:
            row += chat.agent_turn(thought, action) + chat.next_turn(observation)
            if len(row) >= length:
                return row[:length]
    raise ValueError(f"a transcript has only {len(row)} tokens: record more words")


def main() -> None:
    """Encode play and report how much it is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("environment", choices=ENVIRONMENTS)
    parser.add_argument("--output", type=Path, required=True, help="folder that play.py wrote")
    parser.add_argument("--length", type=int, default=961, help="tokens of a row")
    parser.add_argument("--transcripts", type=int, help="number of first ones; all by default")
    arguments = parser.parse_args()
    (arguments.output / "rows").mkdir(exist_ok=True)
    tokenizer = build(arguments.environment)
    chat = ChatFormat(tokenizer, "tiny")
    transcripts = read_transcripts(arguments.output / "play" / arguments.environment)
    rows = np.array(
        [encode(chat, t, arguments.length) for t in islice(transcripts, arguments.transcripts)],
        dtype=np.uint16,
    )
    unknown = int((rows == tokenizer.unk_token_id).sum())
    np.save(arguments.output / "rows" / f"{arguments.environment}.npy", rows)
    print(f"{len(rows)} rows, {rows.size / 1e6:.1f} M tokens, {unknown} unknown")


if __name__ == "__main__":
    main()
