"""Estimates of what a configuration takes: memory of a device, tokens, hours; nothing is run."""
