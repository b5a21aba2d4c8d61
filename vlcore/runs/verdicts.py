"""A claim of the study, and the verdict that runs give on it.

The one idea: a claim is one number a block, in a direction, with nulls that it must beat. The number has to differ from
0 in its direction (exact sign-flip test over blocks, p at most 0.05, six blocks or more), and so has its difference to
every null. A null that was not run is not beaten, and the claim stays "not decided". The other readings (first fit,
each bias, other label styles, measures and scales) can only withhold that: they make it "depends on".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from vlcore.core.wording import decimal, difference
from vlcore.measures.estimate import Estimate
from vlcore.measures.paired import MARGIN
from vlcore.runs.evidence import NOT_DECIDED, Ask, Evidence, Look, Reading, decided, read, status_of

Variation = tuple[str, str, Look]  # axis, words, what to look at


@dataclass(frozen=True)
class Claim:
    """A claim of the study, made testable.

    Attributes:
        id: ``C1`` to ``C8``.
        says: the study's words.
        test: the operational test, in words.
        null: what it must beat, in words.
        what: what the estimate is, in words.
        ask: one number a block.
        look: where to take it.
        sign: of the difference that the claim speaks of.
        measures: names of the measures to chart.
        nulls: words and contrast of each null; one with no contrast cannot be had from runs.
        variations: other ways to read it.
        by_level: whether each bias is a variation too.
        margin: what counts as no difference that matters, on the value itself; None where the claim is of a small one.
        beside: contrast that is shown for each mitigation beside it, and decides nothing.
    """

    id: str
    says: str
    test: str
    null: str
    what: str
    ask: Ask
    look: Look
    sign: int
    measures: tuple[str, ...]
    nulls: tuple[tuple[str, Ask | None], ...] = ()
    variations: tuple[Variation, ...] = ()
    by_level: bool = False
    margin: float | None = MARGIN
    beside: Ask | None = None


@dataclass(frozen=True)
class Verdict:
    """What runs say of a claim.

    Attributes:
        claim: the claim.
        status: ``supported``, ``contradicted``, ``not decided`` or ``depends on``.
        words: the status as it is shown, such as ``not decided (n = 5)``.
        estimate: the claim's number with its interval over blocks; None where it was not measured.
        n: number of blocks.
        sentence: what was measured.
        own: the claim's own reading, with the value that it is compared with.
        nulls: the claim read against what it must beat, with the null's value.
        readings: the other readings.
        beside: what other interventions give on the same number; they decide nothing.
        runs: keys of the runs that were used.
    """

    claim: Claim
    status: str
    words: str
    estimate: Estimate | None
    n: int
    sentence: str
    own: Reading
    nulls: tuple[Reading, ...]
    readings: tuple[Reading, ...]
    beside: tuple[Reading, ...]
    runs: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The verdict as JSON-able values."""
        claim = {name: getattr(self.claim, name) for name in ("id", "says", "test", "null", "what")}
        return {
            **claim,
            "measures": list(self.claim.measures),
            "status": self.status,
            "words": self.words,
            "estimate": None if self.estimate is None else self.estimate.as_dict(),
            "n": self.n,
            "sentence": self.sentence,
            "own": self.own.as_dict(),
            "nulls": [reading.as_dict() for reading in self.nulls],
            "readings": [reading.as_dict() for reading in self.readings],
            "beside": [reading.as_dict() for reading in self.beside],
            "runs": list(self.runs),
        }


def judge(claim: Claim, evidence: Evidence) -> Verdict:
    """One claim with its verdict; `evidence` then knows which runs it took."""
    evidence.used.clear()

    def reading(axis: str, words: str, ask: Ask, look: Look = claim.look) -> Reading:
        return read(axis, words, ask, evidence, look, claim.margin)

    (own,) = decided([reading("claim", "at the end", claim.ask)], claim.sign)
    nulls = [
        Reading("null", words, None, None, NOT_DECIDED, "no run can show it")
        if ask is None
        else reading("null", words, ask)
        for words, ask in claim.nulls
    ]
    nulls = decided(nulls, claim.sign, adjust=True)
    levels = [("bias", f"at bias {bias * 100:g} %", replace(claim.look, bias=bias)) for bias in evidence.biases]
    variations = [*claim.variations, *(levels if claim.by_level and len(levels) > 1 else [])]
    others = decided([reading(axis, words, claim.ask, look) for axis, words, look in variations], claim.sign)
    beside = [
        reading("beside", f"{name} with {claim.look.labels} labels", claim.beside, replace(claim.look, mitigation=name))
        for name in evidence.mitigations
        if claim.beside
    ]
    status, words, why = status_of(own, nulls, others)
    estimate = None if own.difference is None else own.difference.mean
    return Verdict(
        claim=claim,
        status=status,
        words=words,
        estimate=estimate,
        n=0 if estimate is None else estimate.n,
        sentence=" ".join(part for part in (_measured(claim, own), *map(_beaten, nulls), why) if part),
        own=own,
        nulls=tuple(nulls),
        readings=tuple(others),
        beside=tuple(beside),
        runs=tuple(sorted(evidence.used)),
    )


def _measured(claim: Claim, own: Reading) -> str:
    if own.difference is None:
        return ""
    value = "" if own.reference is None else f", on {decimal(own.reference.value)}"
    return f"{claim.what}: {difference(own.difference.mean.as_dict())}{value}; {own.difference.mean.n} blocks."


def _beaten(null: Reading) -> str:
    if null.difference is None:
        return ""
    value = "" if null.reference is None else f" (there {decimal(null.reference.value)})"
    return f"The difference {null.words}{value}: {difference(null.difference.mean.as_dict())}."


def not_run(verdict: Verdict) -> str:
    """Which of the controls that a claim must beat have not been run, in a sentence; empty where all have."""
    missing = [reading.words for reading in verdict.nulls if reading.reason]
    return f"Not decided as long as this has not been run: {'; '.join(missing)}." if missing else ""
