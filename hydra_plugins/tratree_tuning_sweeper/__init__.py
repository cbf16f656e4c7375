"""A sweeper that looks for the best values; Hydra finds it by the name of this package."""
