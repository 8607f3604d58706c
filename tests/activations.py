"""Kinds of activation, and traces."""

from pathlib import Path
from typing import Any

from udsgd_mpi.communication import Activation
from udsgd_mpi.communication.activation import Bernoulli, Diurnal, Markov, Traced

KINDS: dict[str, Activation] = {
    "bernoulli": Bernoulli(p=0.6),
    "markov": Markov(there=4, away=2),
    "diurnal": Diurnal(period=10, share=0.3),
}


def trace(path: Path, *rows: str, **settings: Any) -> Traced:
    """That of a file with these rows."""
    path.write_text("\n".join(rows) + "\n")
    return Traced(path=str(path), **settings)
