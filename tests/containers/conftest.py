"""For engines of these tests' own: see play. has(NAME): a test for those values
of the module's fixture that have this attribute."""
import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent),
                str(pathlib.Path(__file__).parents[1] / "integration")]


def pytest_configure(config):
    config.addinivalue_line("markers", "has(name): where the project has it")


def pytest_collection_modifyitems(items):
    items[:] = [it for it in items if all(
        getattr(value, mark.args[0]) for mark in it.iter_markers("has")
        for value in it.callspec.params.values() if isinstance(value, type))]
