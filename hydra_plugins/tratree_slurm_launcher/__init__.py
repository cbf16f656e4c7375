"""A launcher for sweeps on SLURM; Hydra finds it by the name of this package."""
