"""Streams of random numbers of a seed."""

import hashlib


def stream(seed: int, purpose: str) -> int:
    """A separate seed for each purpose, so that one more draw in one place changes no other."""
    return int.from_bytes(hashlib.sha256(f"{seed} {purpose}".encode()).digest()[:8], "big") >> 1
