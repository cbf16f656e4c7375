"""Run an experiment: ``python train.py env=alfworld method=mcts``; alone, the main job."""

from tratree.cli import main

if __name__ == "__main__":
    main(alone="run")
