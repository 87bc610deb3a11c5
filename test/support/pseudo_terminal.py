"""Runs commands on a pseudo-terminal, for test/support/terminal.ts: Node.js has none of its own.

Each line of standard input is a request as JSON, each line of standard output its answer. One at a time.
"""

import base64
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

MAX_OUTPUT = 1 << 20
POLL_SECONDS = 0.02


def run(request):
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            size = struct.pack("HHHH", request["rows"], request["columns"], 0, 0)
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            os.chdir(request["cwd"])
            os.execve(request["argv"][0], request["argv"], request["env"])
        finally:
            os._exit(127)
    output = bytearray()
    answered = 0
    answers = list(request["answers"])
    deadline = time.monotonic() + request["timeoutMs"] / 1000
    status = None
    while time.monotonic() < deadline and len(output) < MAX_OUTPUT:
        readable, _, _ = select.select([terminal], [], [], POLL_SECONDS)
        if readable:
            try:
                chunk = os.read(terminal, 65536)
            except OSError:  # Every process has closed the terminal.
                chunk = b""
            if chunk:
                output += chunk
            if answers and answers[0]["to"].encode() in output[answered:]:
                answered = len(output)
                os.write(terminal, answers.pop(0)["type"].encode())
            if chunk:
                continue
        # What a dead process wrote has been read by now.
        ended, ending = os.waitpid(pid, os.WNOHANG)
        if ended == pid:
            status = ending
            break
        if readable:
            time.sleep(POLL_SECONDS)
    timed_out = status is None
    if timed_out:
        os.killpg(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "timedOut": timed_out,
        "unasked": len(answers),
        "output": base64.b64encode(bytes(output)).decode(),
    }


for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), flush=True)
