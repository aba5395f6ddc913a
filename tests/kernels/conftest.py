"""The tests of this folder are for a machine of their own: they load profiles
and end by forbidding ptrace until the next boot. See tests/lib/kernels.sh."""
import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent),
                str(pathlib.Path(__file__).parents[1] / "integration")]
