"""ALFWorld: household text games, official or generated, on a fast text engine."""
