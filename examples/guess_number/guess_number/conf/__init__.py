"""Configuration files; Hydra finds them through the entry point ``tratree.conf``."""
