"""What everybody speaks of: conditions and what can be chosen of one, groups, captions, words,
files and errors."""
