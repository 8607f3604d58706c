"""New titles for complete results."""

import tomllib

import tomli_w

from udsgd_mpi.storage.earlier_run import EarlierRun
from udsgd_mpi.storage.telemetry_group import as_run
from udsgd_mpi.storage.write import write_results


def retitle(found: EarlierRun) -> None:
    """Write the titles that are asked for now, where a result file has others.

    Raises
    ------
    OutputError
        If the file can't be written; it stays as it was.
    """
    variants = tomllib.loads(found.attributes["configuration"])["variant"]
    titles = {name: experiment.title for name, experiment in found.experiments.items()}
    if all(variants[name].get("title", "") == title for name, title in titles.items()):
        return
    for name, title in titles.items():
        variants[name]["title"] = title
    attributes = found.attributes | {"configuration": tomli_w.dumps({"variant": variants})}
    telemetry = {name: as_run(rows) for name, rows in found.telemetry.items()}
    write_results(found.output, attributes, found.runs, telemetry)
