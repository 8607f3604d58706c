"""Commands that scripts find, and what they ask of Slurm."""

import re
from pathlib import Path


def command(folder: Path, name: str, text: str) -> None:
    """Put a shell script on PATH."""
    path = folder / "bin" / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def directives(script: str) -> list[str]:
    return re.findall(r"^#SBATCH (.*)$", script, re.MULTILINE)
