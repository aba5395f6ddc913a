"""What a proof of the true TCP peer adds to a request, in absolute time: it is
a number of system calls, the same on every machine."""
from . import figures, machine


def measure(_folder, _size):
    result = machine.run_json(machine.program("bench_proof"))
    return [
        figures.Figure(
            "proof-remembered", "a proof, descriptor remembered",
            result["remembered_ns"] / 1000, unit="us", asked=10,
            at_least=False,
            beside={"without SO_PEERPIDFD, us":
                    result["remembered_by_pid_ns"] / 1000}),
        figures.Figure(
            "proof-walk", "a proof that has to search",
            result["walk_ns"] / 1000, unit="us", asked=200, at_least=False,
            beside={"without SO_PEERPIDFD, us":
                    result["walk_by_pid_ns"] / 1000})]
