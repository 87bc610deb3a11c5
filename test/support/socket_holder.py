"""Holds a listening socket as a service manager does, and starts programs that get it as descriptor 3.

Reads words from standard input, one a line: `start` starts the command of the arguments, `stop` ends the program that
was started first and waits for it.
"""
import os
import signal
import socket
import subprocess
import sys

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(1024)
os.dup2(listener.fileno(), 3, inheritable=True)
print(f"port {listener.getsockname()[1]}", flush=True)

started = []
activate = ["/bin/sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh"]
for line in sys.stdin:
    if line.strip() == "start":
        started.append(subprocess.Popen(activate + sys.argv[1:], pass_fds=(3,), stdin=subprocess.DEVNULL))
    elif line.strip() == "stop":
        program = started.pop(0)
        program.send_signal(signal.SIGTERM)
        print(f"ended with {program.wait()}", flush=True)
for program in started:
    program.kill()
