"""Write stand-ins for the files of four hospitals into ``sites/``; nothing in them is real."""

from pathlib import Path

import numpy as np

SITES = {"east": 90, "north": 240, "south": 60, "west": 150}
COLUMNS = "age,pressure,marker,smoker,relapse"


def main() -> None:
    """Sites differ in size, in age and in what they measure on average."""
    folder = Path("sites")
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(2026)
    for k, (site, patients) in enumerate(SITES.items()):
        age = rng.normal(58 + 3 * k, 9, patients)
        pressure = rng.normal(128, 14 + k, patients)
        marker = rng.lognormal(0.2 * k, 0.5, patients)
        smoker = rng.choice(["never", "former", "now"], patients, p=[0.5, 0.3, 0.2])
        score = 0.05 * (age - 62) + 0.8 * (marker - 1.5) + 0.7 * (smoker == "now") - 0.4
        relapse = (rng.random(patients) < 1 / (1 + np.exp(-score))).astype(int)
        rows = zip(
            *(column.round(6).tolist() for column in (age, pressure, marker)),
            *(column.tolist() for column in (smoker, relapse)),
            strict=True,
        )
        lines = [COLUMNS, *(",".join(map(str, row)) for row in rows)]
        (folder / f"{site}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
