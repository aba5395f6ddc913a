"""The construct for cdk8s, compiled and synthesised with npm's packages."""
import pathlib
import sys

TESTS = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "integration"), str(TESTS / "packaging")]
