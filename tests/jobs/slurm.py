"""A real Slurm of one node on this machine, for tests; it ends what it started and nothing else."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.jobs.children import PATIENCE, until

CONF = """ClusterName=lab SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]} SlurmdPort={ports[1]}
MpiDefault=none
SlurmUser=root SlurmdUser=root AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
ProctrackType=proctrack/linuxproc TaskPlugin=task/none SelectType=select/cons_tres
SelectTypeParameters=CR_Core
StateSaveLocation={folder} SlurmdSpoolDir={folder}/spool SlurmctldPidFile={folder}/c.pid
SlurmdPidFile={folder}/d.pid
SlurmctldLogFile={folder}/c.log SlurmdLogFile={folder}/d.log SlurmdParameters=config_overrides
KillWait=1
SchedulerParameters=batch_sched_delay=0,sched_interval=1 MaxArraySize=3 EnforcePartLimits=ALL"""
NODE = """
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=120 State=UP
"""


def is_here() -> bool:
    return os.geteuid() == 0 and all(map(shutil.which, ("munged", "slurmctld", "slurmd", "sbatch")))


@contextmanager
def cluster(folder: Path) -> Iterator[Path]:
    """Slurm and the munge that it needs, with sockets, ports and files of their own; gives its
    configuration."""
    conf, environment = folder / "slurm.conf", {**os.environ, "SLURM_CONF": f"{folder}/slurm.conf"}
    with ExitStack() as taken:
        sockets = [taken.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        ports = [one.getsockname()[1] for one in sockets]
    host = socket.gethostname().partition(".")[0]
    conf.write_text(
        "\n".join(CONF.format(host=host, folder=folder, ports=ports).split())
        + NODE.format(host=host)
    )
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o600)
    own = [f"--{what}-file={folder}/munge.{what}" for what in ("pid", "log", "seed", "key")]
    quiet = {name: subprocess.DEVNULL for name in ("stdin", "stdout", "stderr")}

    def said(*command: str) -> bytes:
        return subprocess.run(command, capture_output=True, env=environment).stdout.strip()

    def answers() -> bool:
        return said("sinfo", "-h", "-o", "%T") in (b"idle", b"mixed", b"allocated")

    munge = ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", *own]
    started = [subprocess.Popen(munge, **quiet)]
    try:
        until((folder / "munge.socket").exists)
        started += [
            subprocess.Popen([name, "-D", "-f", str(conf)], **quiet)
            for name in ("slurmctld", "slurmd")
        ]
        until(answers)
        yield conf
        subprocess.run(["scancel", "--user=root"], env=environment, check=True)
        until(lambda: not said("squeue", "-h"))  # its steps are killed
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(PATIENCE)
