"""A Slurm cluster on one machine: every node a set of namespaces with its own address.

The daemons are children of the nodes' first processes, which the kernel kills with the process
that started them, so that nothing is left behind however that process ends.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.launch import ENVIRONMENT
from tests.slurm.network import Network, address

NODES = 3
CORES = 4  # claimed, whatever the machine has
_PMIX = next(Path("/usr/lib").glob("*/pmix2/lib"), None)
_CONTROLLER = 254

_CONFIGURATION = """\
ClusterName=test
SlurmctldHost=n0({controller})
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=1
SlurmdParameters=config_overrides
ReturnToService=2
EnforcePartLimits=ALL
KillWait=5
SlurmdTimeout=6
MinJobAge=3600
PropagateResourceLimits=NONE
NodeName=n[1-{nodes}] CPUs={cores} RealMemory=2000 State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES DefaultTime=10 MaxTime=60 State=UP
"""

_BOOT = """\
mount --make-rprivate /
hostname n{k}
mount --bind {folder}/hosts /etc/hosts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=1777 tmpfs {folder}/tmp
mount --bind {folder}/pmix {pmix}
export SLURM_CONF={folder}/slurm.conf
until ip addr show eth0 2>/dev/null | grep -q inet; do sleep 0.02; done
{daemons}
while :; do sleep 3600 & wait; done  # the first process of a namespace reaps the others
"""
_CONTROLLER_DAEMONS = """\
munged --foreground --key-file={folder}/munge.key --socket={folder}/munge.socket \
  --pid-file={folder}/munged.pid --log-file={folder}/munged.log --seed-file={folder}/munge.seed &
slurmctld -D -c -i &"""


def lacking() -> str | None:
    """What a cluster needs and this machine lacks, or None."""
    if os.getuid() != 0:
        return "needs root, for namespaces and Slurm's daemons"
    tools = ("sbatch", "srun", "slurmctld", "slurmd", "munged", "unshare", "nsenter", "ip")
    missing = [tool for tool in tools if not shutil.which(tool, path=_path())]
    if missing:
        return f"needs {', '.join(missing)}: apt-get install slurm-wlm munge libpmix2 iproute2"
    if _PMIX is None:
        return "needs apt-get install libpmix2"
    if not Path("/dev/net/tun").exists():
        return "needs /dev/net/tun"
    probe = ["unshare", "-n", "-u", "-m", "-i", "-p", "-f", "true"]
    if subprocess.run(probe, check=False, capture_output=True).returncode:
        return "needs leave to make namespaces"
    return None


def wait_until(condition: Callable[[], object], seconds: float, what: Callable[[], str]) -> None:
    """Wait for a condition, but not for ever."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what())
        time.sleep(0.1)


class Cluster:
    """Nodes n1, n2, …, all of which see the files of this machine.

    Attributes
    ----------
    network
        Between the nodes and the controller.
    """

    def __init__(self, folder: Path) -> None:
        self.network = Network()
        self._folder = folder
        self._booted: dict[int, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start the network and all daemons."""
        self._write_files()
        self.network.start()
        self._boot(0, _CONTROLLER, _CONTROLLER_DAEMONS.format(folder=self._folder))
        for k in range(1, NODES + 1):
            self.boot(k)
        self.wait_for_nodes(NODES)

    def run(
        self, *command: object, cwd: Path, timeout: float = 60, **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command where Slurm's are at hand, in an environment like a user's."""
        inside = 'cd "$0" && exec "$@"'
        first = _child(self._booted[0].pid)
        return subprocess.run(
            [*_inside(first), "sh", "-c", inside, cwd, *map(str, command)],
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a user's shell in which the environment of the tests is active."""
        ours = {name: value for name, value in os.environ.items() if not _is_of_launcher(name)}
        return ours | {
            "PATH": f"{Path(sys.executable).parent}:{_path()}",
            "VIRTUAL_ENV": sys.prefix,
            "SLURM_CONF": str(self._folder / "slurm.conf"),
            "XDG_CONFIG_HOME": str(self._folder),
            "OMP_NUM_THREADS": "1",
            "OMPI_MCA_mpi_yield_when_idle": "1",  # all nodes share the same processors
        }

    def boot(self, k: int) -> None:
        """Start node k."""
        self._boot(k, k, f"slurmd -D -c -N n{k} &")

    def kill(self, k: int) -> None:
        """Cut node k off and kill all that runs on it, as where its power fails."""
        self.network.detach(k)
        os.kill(_child(self._booted[k].pid), signal.SIGKILL)
        self._booted[k].wait(10)

    def wait_for_nodes(self, number: int) -> None:
        """Wait until so many nodes can take jobs."""
        idle = ("sinfo", "-h", "-t", "idle", "-o", "%D")
        wait_until(
            lambda: self.run(*idle, cwd=self._folder).stdout.strip() == str(number),
            60,
            lambda: (self._folder / "slurmctld.log").read_text()[-2000:],
        )

    def stop(self) -> None:
        """End all daemons and jobs."""
        for unshare in self._booted.values():
            unshare.kill()  # its child, and all in that namespace, are killed with it
            unshare.wait(10)
        self.network.stop()

    def _boot(self, k: int, host: int, daemons: str) -> None:
        script = self._folder / f"boot.n{k}"
        script.write_text(_BOOT.format(k=k, folder=self._folder, pmix=_PMIX, daemons=daemons))
        (self._folder / "spool" / f"n{k}").mkdir(parents=True, exist_ok=True)
        with (self._folder / f"boot.n{k}.log").open("a") as log:
            self._booted[k] = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL"),
                    *("unshare", "-n", "-u", "-m", "-i", "-p", "-f", "--kill-child"),
                    *("--mount-proc", "bash", str(script)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"PATH": _path()},
            )
        unshare = self._booted[k].pid
        wait_until(lambda: _child(unshare), 10, lambda: f"unshare of n{k} starts nothing")
        self.network.attach(host, unshare)

    def _write_files(self) -> None:
        folder = self._folder
        for name in ("state", "spool", "tmp"):
            (folder / name).mkdir()
        key = folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(1024))
        (folder / "slurm.conf").write_text(
            _CONFIGURATION.format(
                folder=folder, controller=address(_CONTROLLER), nodes=NODES, cores=CORES
            )
        )
        # No control groups are used; slurmd would stop where they are not mounted.
        (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        (folder / "mpi.conf").write_text(f"PMIxCliTmpDirBase={folder / 'tmp'}\n")
        hosts = ["127.0.0.1 localhost", f"{address(_CONTROLLER)} n0"]
        hosts += [f"{address(k)} n{k}" for k in range(1, NODES + 1)]
        (folder / "hosts").write_text("\n".join(hosts) + "\n")
        # Slurm's plugin looks for the link that belongs to libpmix-dev.
        assert _PMIX is not None
        shutil.copytree(_PMIX, folder / "pmix", symlinks=True)
        link = folder / "pmix" / "libpmix.so"
        if not link.exists():
            link.symlink_to("libpmix.so.2")


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A cluster, stopped at the end."""
    folder = Path(tempfile.mkdtemp(prefix="udsgd-slurm-"))  # sockets have short names alone
    folder.chmod(0o755)
    made = Cluster(folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/local/sbin:/usr/sbin:/sbin"


def _inside(process: int) -> list[str]:
    """Command that runs another one in all namespaces of a process."""
    return ["nsenter", "-t", str(process), "-a"]


def _child(process: int) -> int:
    """First child of a process; 0 where it has none yet."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return int(children[0]) if children else 0


def _is_of_launcher(name: str) -> bool:
    return name in ENVIRONMENT or name.startswith(("PMI", "OMPI_", "PRTE_", "SLURM_"))
