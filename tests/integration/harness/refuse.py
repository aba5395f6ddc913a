"""python3 refuse.py CALL ERRNO COMMAND...: executes the command under a
seccomp filter that answers that call with that error, as a container's profile
does. Source: seccomp(2), linux/filter.h."""
import ctypes
import errno
import os
import struct
import sys

# Of x86-64 and of arm64: the number, and an argument with its value.
CALLS = {
    "SO_PEERPIDFD": ((55, 209), (2, 77)),
    "SO_TYPE": ((55, 209), (2, 3)),
    "SO_ACCEPTCONN": ((55, 209), (2, 30)),
    "getsockname": ((51, 204), None),
    "getpeername": ((52, 205), None),
    "pidfd_open": ((434, 434), None),
    "pidfd_getfd": ((438, 438), None),
}
LOAD, IS, RETURN = 0x20, 0x15, 0x06
ALLOW, ERROR = 0x7fff0000, 0x00050000
NO_NEW_PRIVS, SET_SECCOMP, FILTER = 38, 22, 2


def under(call, error):
    """What stands before a command."""
    return [sys.executable, __file__, call, error]


def program(call, error):
    """Instructions: code, jumps if true and if false, a constant."""
    numbers, argument = CALLS[call]
    number = numbers[os.uname().machine == "aarch64"]
    if argument is None:
        rest = []
    else:
        rest = [(LOAD, 0, 0, 16 + 8 * argument[0]),
                (IS, 0, 1, argument[1])]
    return [(LOAD, 0, 0, 0), (IS, 0, len(rest) + 1, number), *rest,
            (RETURN, 0, 0, ERROR | getattr(errno, error)),
            (RETURN, 0, 0, ALLOW)]


def install(instructions):
    code = b"".join(struct.pack("HBBI", *one) for one in instructions)
    buffer = ctypes.create_string_buffer(code)
    head = struct.pack("HxxxxxxP", len(instructions),
                       ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0) or \
            libc.prctl(SET_SECCOMP, FILTER, head, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


if __name__ == "__main__":
    install(program(sys.argv[1], sys.argv[2]))
    os.execvp(sys.argv[3], sys.argv[3:])
