"""What a proof of the true TCP peer adds to a request, in absolute time: it is
a number of system calls, the same on every machine."""
from . import figures, machine


def measure(_folder, _size):
    result = machine.run_json(machine.program("bench_proof"))
    return [
        figures.Figure(
            "proof", "a proof of the TCP peer", result["proof_ns"] / 1000,
            unit="us", asked=50, at_least=False,
            beside={"without SO_PEERPIDFD, us":
                    result["proof_by_pid_ns"] / 1000})]
