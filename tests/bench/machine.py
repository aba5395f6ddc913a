"""The machine, the programs on it, and who runs on which of its CPUs.

With two CPUs the load is on one and what is measured is on the other, or the
scheduler's choices would be most of what one sees. With one CPU all share it:
the ratios then hold the load's cost on both sides and come out milder.
"""
import contextlib
import json
import os
import pathlib
import platform
import shutil
import subprocess

from harness.policyd import BUILD, Policyd

PROGRAMS = ("anvil_load", "bare_refuser", "bench_memory_store", "bench_proof",
            "noop_milter", "null_policy_server", "policy_load",
            "refusal_load")

_cpus = sorted(os.sched_getaffinity(0))
SERVER_CPU, LOAD_CPU = _cpus[0], _cpus[1 % len(_cpus)]


class BenchError(Exception):
    pass


def build_programs():
    """They are not part of `make all`."""
    done = subprocess.run(
        ["make", "-C", str(BUILD), f"-j{os.cpu_count()}",
         *(f"tests/bench/{name}" for name in PROGRAMS)],
        capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"cannot build the benchmarks:\n{done.stderr}")


def program(name):
    return BUILD / "tests/bench" / name


def pin(process, cpu):
    os.sched_setaffinity(process.pid, {cpu})


def put_first(pid, nice=-20):
    """Of its session (autogroup) before all others; what it was."""
    path = pathlib.Path(f"/proc/{pid}/autogroup")
    try:
        before = int(path.read_text().split()[-1])
        path.write_text(str(nice))
    except OSError:  # a kernel without autogroups
        return 0
    return before


@contextlib.contextmanager
def first_in_line():
    """A neighbour's load does not take the same share of everything: what
    needs more processes for the same work would lose more by it."""
    with contextlib.suppress(PermissionError):  # root without CAP_SYS_NICE
        os.setpriority(os.PRIO_PROCESS, 0, -20)  # inherited by what we start
    before = put_first("self")
    try:
        yield
    finally:
        put_first("self", before)


def start_policyd(stack, folder, listen, cpu=None, **options):
    """Without what is not measured; closed when the stack is left."""
    policyd = Policyd(folder, [listen],
                      options={"log_refusals": "gathered", **options})
    stack.callback(policyd.close)
    if cpu is not None:
        pin(policyd.process, cpu)
    return policyd


def run_load(*argv):
    """The output of a program that measures, run on a CPU of its own."""
    done = subprocess.run(["taskset", "-c", str(LOAD_CPU), *map(str, argv)],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False, timeout=600)
    if done.returncode != 0:
        raise BenchError(f"{argv}: {done.stderr}")
    return done.stdout


def run_json(*argv):
    return json.loads(run_load(*argv))


def _fields(pid):
    """Of its stat, behind the name."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(
        ")", 1)[1].split()


def _us(ticks):
    return sum(int(it) for it in ticks) * 1e6 / os.sysconf("SC_CLK_TCK")


def cpu_us(pid):
    """CPU that a process has used, in microseconds."""
    return _us(_fields(pid)[11:13])


def context_switches(pid):
    """How often the threads that a process has now have left a processor."""
    status = pathlib.Path(f"/proc/{pid}/task").glob("[0-9]*/status")
    return sum(int(line.split()[1]) for path in status
               for line in path.read_text().splitlines()
               if "ctxt_switches" in line)


def tree_cpu_us(pid):
    """The same with its children, and those of them that have ended."""
    used = _us(_fields(pid)[11:15])
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            fields = _fields(process.name)
        except OSError:
            continue
        if int(fields[1]) == pid:
            used += _us(fields[11:13])
    return used


def child_of(parent, name):
    """The pid of a child that is called so; None."""
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            head, rest = stat.read_text().rsplit(")", 1)
        except OSError:
            continue
        if head.endswith(f"({name}") and int(rest.split()[1]) == parent:
            return int(head.split()[0])
    return None


def first_line(*argv):
    if shutil.which(argv[0]) is None:
        return "absent"
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().splitlines()[0]


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def describe():
    return {
        "cpu": f"{os.cpu_count()} x {cpu_model()}",
        "system": platform.freedesktop_os_release()["PRETTY_NAME"],
        "kernel": platform.release(),
        "redis": first_line("redis-server", "--version"),
        "postfix": first_line("postconf", "-dh", "mail_version"),
        "compiler": first_line("gcc", "--version"),
        "load average before": os.getloadavg()[0],
    }
