"""For an engine of these tests' own: see play."""
import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent),
                str(pathlib.Path(__file__).parents[1] / "integration")]
