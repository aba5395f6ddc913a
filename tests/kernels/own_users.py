"""python3 own_users.py COMMAND...: executes the command in a user namespace of
its own, which maps all ids to themselves. Source: user_namespaces(7)."""
import ctypes
import os
import sys

CLONE_NEWUSER = 0x10000000

# What stands before a command.
COMMAND = [sys.executable, __file__]


def map_ids(pid, is_there):
    """Of the parent, once it is there: only from outside may all be mapped."""
    os.read(is_there, 1)
    for kind in "uid", "gid":
        with open(f"/proc/{pid}/{kind}_map", "w", encoding="ascii") as file:
            file.write("0 0 65536")


def enter():
    is_there, say = os.pipe()
    child = os.fork()
    if child == 0:
        map_ids(os.getppid(), is_there)
        os._exit(0)
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    os.write(say, b"x")
    if os.waitpid(child, 0)[1] != 0:
        raise OSError("the ids could not be mapped")


if __name__ == "__main__":
    enter()
    os.execvp(sys.argv[1], sys.argv[1:])
