"""Record careless play in an environment as text, without rewards looked at.

python recipes/tiny_three/play.py scienceworld --output WORK --transcripts 3000
python recipes/tiny_three/play.py webshop --output WORK --transcripts 5000
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import random
from contextlib import suppress
from functools import partial
from pathlib import Path

from transcript import Transcript, TranscriptIsFullError, write_transcripts

ENVIRONMENTS = ("scienceworld", "webshop")
CHUNK = 100


def record(start: int, environment: str, root: Path, words: int) -> None:
    """Record transcripts `start` to ``start + CHUNK - 1``, unless they are there."""
    path = root / "play" / environment / f"{start:06d}.jsonl.gz"
    if path.exists():
        return
    playground = importlib.import_module(f"{environment}_play").Playground(root, start)
    transcripts = []
    for number in range(start, start + CHUNK):
        transcript = Transcript(words)
        with suppress(TranscriptIsFullError):
            playground.play(number, transcript, random.Random(f"{environment} {number}"))
        transcripts.append(transcript)
    playground.close()
    write_transcripts(path, transcripts)


def main() -> None:
    """Play in several processes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("environment", choices=ENVIRONMENTS)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--transcripts", type=int, required=True)
    parser.add_argument("--words", type=int, default=961, help="least words of a transcript")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    root, environment = arguments.output, arguments.environment
    (root / "play" / environment).mkdir(parents=True, exist_ok=True)
    importlib.import_module(f"{environment}_play").prepare(root, arguments.transcripts)
    starts = range(0, arguments.transcripts, CHUNK)
    play = partial(record, environment=environment, root=root, words=arguments.words)
    with multiprocessing.get_context("forkserver").Pool(arguments.workers) as pool:
        for number, _ in enumerate(pool.imap_unordered(play, starts), 1):
            print(f"{number} of {len(starts)} files", flush=True)


if __name__ == "__main__":
    main()
