"""Flags of what is computed without running."""

from udsgd_mpi.cli.flags.parser import Commands, Parser, subcommand
from udsgd_mpi.cli.flags.running import experiment_flags
from udsgd_mpi.cli.flags.values import at_least, intervals, numbers, positive, seed

_LARGEST_BUDGET = 10**15


def add_predict(commands: Commands) -> Parser:
    """Flags of ``predict``."""
    predict = subcommand(
        commands,
        "predict",
        "predict the error of an experiment, without running it",
        "udsgd predict my.toml --steps 100000 --top 10",
    )
    experiment_flags(predict)
    prediction_flags(predict)
    predict.add_argument(
        "--top",
        type=at_least(0),
        default=5,
        metavar="K",
        help="agents to list, largest first (default: 5)",
    )
    return predict


def add_plan(commands: Commands) -> Parser:
    """Flags of ``plan``."""
    plan = subcommand(
        commands,
        "plan",
        "which samplers to upgrade, or how often to aggregate, without running anything",
        "udsgd plan my.toml --upgrade srw:srrw --against nbrw --budget 5",
    )
    experiment_flags(plan)
    prediction_flags(plan)
    plan.add_argument(
        "--upgrade",
        metavar="FROM:TO,…",
        help="samplers, TO as a name or a TOML table (default: srw:srrw)",
    )
    plan.add_argument(
        "--against",
        metavar="SAMPLER",
        help="moderate upgrade of all agents, to be beaten (default: nbrw)",
    )
    plan.add_argument("--variant", metavar="NAME", help="variant to plan for (default: the first)")
    plan.add_argument(
        "--criterion",
        choices=["trace", "largest", "contrast"],
        help="what is to be small: Tr V, the largest eigenvalue of V, or cᵀVc (default: trace)",
    )
    plan.add_argument(
        "--contrast",
        type=numbers,
        metavar="FILE|C1,C2,…",
        help="c of --criterion contrast, a number for each parameter",
    )
    goal = plan.add_mutually_exclusive_group()
    goal.add_argument("--budget", type=int, metavar="K", help="upgrade K agents")
    goal.add_argument("--target-mse", type=float, metavar="X", help="reach an MSE at the last step")
    goal.add_argument("--match", metavar="VARIANT", help="reach the MSE of another variant")
    plan.add_argument(
        "--intervals",
        type=intervals,
        metavar="K1,K2,…",
        help="instead: which of these steps from one aggregation to the next have the least error;"
        " also log and loglog",
    )
    spent = plan.add_mutually_exclusive_group()
    spent.add_argument(
        "--seconds",
        type=positive,
        metavar="S",
        help="with --intervals: in so many simulated seconds (default: those of the experiment)",
    )
    spent.add_argument(
        "--bytes",
        type=positive,
        metavar="B",
        help="with --intervals: or with so many bytes of messages in a trial",
    )
    return plan


def add_tune(commands: Commands) -> Parser:
    """Flags of ``tune``."""
    tune = subcommand(
        commands,
        "tune",
        "which alpha and b of srrw or hdt, without running anything",
        "udsgd tune my.toml --variant some-srrw --budget 100000000",
    )
    experiment_flags(tune)
    tune.add_argument(
        "--variant", metavar="NAME", help="variant to tune (default: the first with such agents)"
    )
    tune.add_argument(
        "--group", metavar="NAME", help="walkers to tune (default: all with srrw or hdt)"
    )
    tune.add_argument(
        "--budget",
        type=at_least(1, _LARGEST_BUDGET),
        default=2_000_000_000,
        metavar="STEPS",
        help="steps along sampled paths, at the most (default: 2000000000, some minutes)",
    )
    tune.add_argument(
        "--top",
        type=at_least(1),
        default=12,
        metavar="K",
        help="candidates to list, least error first (default: 12)",
    )
    return tune


def prediction_flags(parser: Parser) -> None:
    """Flags of how an error is predicted."""
    parser.add_argument(
        "--by",
        choices=["auto", "linear", "paths"],
        default="auto",
        help="linear recursion, sampled paths, or paths where noise is not white (default: auto)",
    )
    parser.add_argument(
        "--paths",
        type=at_least(2),
        metavar="T",
        help="paths of each agent (default: 2000 of all, and more where they vary much)",
    )
    parser.add_argument(
        "--probes",
        type=at_least(2),
        default=30,
        metavar="P",
        help="random vectors for Tr V where the Hessian is too large to be held (default: 30)",
    )


def add_diagnose(commands: Commands) -> Parser:
    """Flags of ``diagnose``."""
    diagnose = subcommand(
        commands,
        "diagnose",
        "how well a sampler explores a data graph",
        "udsgd diagnose nbrw small_world -n 100 --set k=6",
    )
    diagnose.add_argument("sampler", metavar="SAMPLER", help="name, or a TOML table")
    diagnose.add_argument(
        "graph",
        metavar="NAME|FILE",
        nargs="?",
        help="generator, or graph file; none for samplers that need no graph",
    )
    diagnose.add_argument(
        "-n", "--points", type=at_least(1), metavar="B", help="points of a generator"
    )
    diagnose.add_argument("--steps", type=at_least(1), default=10_000, help="default: 10000")
    diagnose.add_argument("--trials", type=at_least(2), default=100, help="default: 100")
    diagnose.add_argument("--seed", type=seed, default=1, help="default: 1")
    diagnose.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="parameter of the graph"
    )
    return diagnose
