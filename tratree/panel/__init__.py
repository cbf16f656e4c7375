"""The panel: fixed tasks of every environment, and results on them that anyone can compare."""
