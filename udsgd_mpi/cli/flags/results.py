"""Flags of what looks at result files, and of what makes the paper's."""

from pathlib import Path

from udsgd_mpi.cli.flags.parser import Commands, Parser, subcommand
from udsgd_mpi.cli.flags.running import survival_flags
from udsgd_mpi.cli.flags.values import at_least, seconds


def add_inspect(commands: Commands) -> Parser:
    """Flags of ``inspect``."""
    inspect = subcommand(
        commands,
        "inspect",
        "list what a result file holds",
        "udsgd inspect my.h5",
    )
    inspect.add_argument("file", type=Path, metavar="FILE", help="result file (.h5)")
    return inspect


def add_report(commands: Commands) -> Parser:
    """Flags of ``report``."""
    report = subcommand(
        commands,
        "report",
        "table and figure of a result file",
        "udsgd report my.h5 --show agents --figure agents.pdf --style paper",
    )
    report.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="result file (.h5); several for --html"
    )
    report.add_argument(
        "--html",
        action="store_true",
        help="write one page about FILES instead, with all figures, tables, telemetry and settings",
    )
    report.add_argument(
        "--page", type=Path, metavar="PAGE", help="name of that page (default: FILE as .html)"
    )
    report.add_argument(
        "--figure", type=Path, metavar="IMAGE", help="png, pdf or svg (default: FILE as .png)"
    )
    report.add_argument(
        "--x",
        choices=["step", "time", "bytes"],
        help="draw against steps, simulated seconds, or bytes exchanged (default: step)",
    )
    report.add_argument(
        "--show",
        choices=[
            *("mse", "scaled", "last", "combinations", "agents", "loss", "accuracy"),
            *("consensus", "topology"),
        ],
        help="figure: MSE, MSE/γₙ, both at the last step, the last step by combinations of axes,"
        " agents' Tr V_i, losses, test accuracy, consensus, topology (default: mse, or loss"
        " where no minimiser is known)",
    )
    _style_flag(report)
    report.add_argument("--csv", type=Path, metavar="FILE", help="write the curves too")
    report.add_argument(
        "--force",
        action="store_true",
        help="replace files other than earlier figures and pages of FILE and earlier curves",
    )
    return report


def add_infer(commands: Commands) -> Parser:
    """Flags of ``infer``."""
    infer = subcommand(
        commands,
        "infer",
        "coefficients with intervals, from a run without repetitions",
        "mpirun -n 4 udsgd infer my.h5 --figure forest.pdf --output coefficients.csv",
    )
    infer.add_argument("file", type=Path, metavar="FILE", help="result file (.h5)")
    infer.add_argument("--variant", metavar="NAME", help="default: all")
    infer.add_argument(
        "--trial", type=at_least(0), metavar="K", help="default: the first that did not diverge"
    )
    infer.add_argument(
        "--level", type=float, default=0.95, metavar="P", help="of intervals (default: 0.95)"
    )
    infer.add_argument(
        "--parameters",
        type=lambda text: text.split(","),
        metavar="NAME,…",
        help="some of them, by names of columns or numbers from 0 on (default: all)",
    )
    infer.add_argument(
        "--original",
        action="store_true",
        help="coefficients of features as they were read, not as they were standardised",
    )
    infer.add_argument("--output", type=Path, metavar="FILE", help="write a table (.csv)")
    infer.add_argument("--figure", type=Path, metavar="IMAGE", help="forest plot: png, pdf or svg")
    _style_flag(infer)
    infer.add_argument(
        "--force",
        action="store_true",
        help="replace files other than earlier tables and figures of FILE",
    )
    return infer


def _style_flag(parser: Parser) -> None:
    """Flag of what draws a figure of numbers; None is ``screen``."""
    parser.add_argument(
        "--style",
        choices=["screen", "paper"],
        help="for a screen, or for one column of a paper (default: screen)",
    )


def add_reproduce(commands: Commands) -> Parser:
    """Flags of ``reproduce``."""
    reproduce = subcommand(
        commands,
        "reproduce",
        "run the paper's experiments, and say which claims hold",
        "mpirun -n 2 udsgd reproduce fig2c --quick",
    )
    reproduce.add_argument(
        "names",
        nargs="+",
        metavar="NAME",
        help="fig2a … fig2f, upgrade, …; or all, but those of networks, fig3a … fig3c",
    )
    size = reproduce.add_mutually_exclusive_group()
    size.add_argument(
        "--quick",
        dest="size",
        action="store_const",
        const="quick",
        default="full",
        help="half a minute each, on smaller data and graphs",
    )
    size.add_argument(
        "--middle",
        dest="size",
        action="store_const",
        const="middle",
        help="two hours each on two cores; fig3a … fig3c have it",
    )
    reproduce.add_argument(
        "--weight",
        choices=["unbiased", "literal"],
        help="importance weight (default: the experiment's, unbiased; literal: the paper's eq. 91)",
    )
    reproduce.add_argument(
        "--output-dir",
        type=Path,
        default=Path("results"),
        metavar="FOLDER",
        help="where results and report.html go (default: results)",
    )
    reproduce.add_argument("--markdown", type=Path, metavar="FILE", help="write the verdicts too")
    reproduce.add_argument(
        "--force",
        action="store_true",
        help="compute existing results again, and replace files that reproduce did not write",
    )
    reproduce.add_argument(
        "--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="another setting"
    )
    survival_flags(reproduce)
    reproduce.set_defaults(emulate=False)
    return reproduce


def add_merge(commands: Commands) -> Parser:
    """Flags of ``merge``."""
    merge = subcommand(
        commands,
        "merge",
        "join result files of trials or variants that were run separately",
        "udsgd merge all.h5 part-0.h5 part-1.h5",
    )
    merge.add_argument("output", type=Path, metavar="OUT.h5", help="file to write")
    merge.add_argument("parts", type=Path, nargs="+", metavar="PART.h5", help="complete results")
    merge.add_argument(
        "--force", action="store_true", help="replace OUT.h5, even if udsgd did not write it"
    )
    return merge


def add_watch(commands: Commands) -> Parser:
    """Flags of ``watch``."""
    watch = subcommand(
        commands,
        "watch",
        "follow a run through its result file",
        "udsgd watch my.h5 --every 10s",
    )
    watch.add_argument("file", type=Path, metavar="FILE", help="result file (.h5)")
    watch.add_argument(
        "--every", type=seconds, default=2.0, metavar="2s", help="time between looks (default: 2s)"
    )
    watch.add_argument("--once", action="store_true", help="print the current state and exit")
    return watch
