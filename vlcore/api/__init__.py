"""The front door: what commands, pages and notebooks call to train, load, compare, embed and
export."""
