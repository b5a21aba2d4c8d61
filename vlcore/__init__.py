"""Train and look at small vision-language models on biased data."""

__version__ = "0.4.0"
