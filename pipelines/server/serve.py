"""The server of `zhenjie dev`, as a process: code servers, Dagster's daemon, and the guarded web server.

It leads a process group of its own, with every process that it starts. The first line of its standard input is the
token. When the input ends, the process that started it is gone, and the whole group ends.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack

import dagster as dg
import uvicorn

from pipelines.dagster_private import code_servers, daemon_command, web_app
from pipelines.server.group import GRACE, end_with_parent
from pipelines.server.guard import Access, Guard
from pipelines.terminal import console

LOOPBACK = ("localhost", "127.0.0.1", "::1")
ANY_ADDRESS = ("0.0.0.0", "::")


def access(token: str, port: int, host: str, more_hosts: Sequence[str]) -> Access:
    """The access conditions of a server that listens on `host` and `port`.

    Args:
        token: the secret.
        port: the port.
        host: the address, or name, to listen on.
        more_hosts: other names by which the server may be reached, without port.
    """
    names = {*LOOPBACK, *more_hosts} | ({host} - set(ANY_ADDRESS))
    return Access(token, port, frozenset(name.lower() for name in names), any_address=host in ANY_ADDRESS)


def url(host: str, port: int) -> str:
    """The address to open in a browser on this machine."""
    name = "127.0.0.1" if host in ANY_ADDRESS else host
    return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until the process is ended. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--name", action="append", default=[], help="a further name of this server")
    parser.add_argument("--show-token", action="store_true")
    asked = parser.parse_args(arguments)
    token = sys.stdin.readline().strip()
    if not token:
        return console.FAILED
    alone = threading.Event()
    threading.Thread(target=_end_with_input, args=(alone,), daemon=True).start()
    # The signal becomes an exception, so that the started processes are ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(console.DONE))
    try:
        return _serve(asked, token)
    finally:
        if alone.is_set():
            time.sleep(GRACE)
            os.killpg(0, signal.SIGKILL)


def _serve(asked: argparse.Namespace, token: str) -> int:
    with ExitStack() as stack:
        listening = stack.enter_context(_listening(asked.host, asked.port))
        instance = stack.enter_context(dg.DagsterInstance.get())
        workspace = stack.enter_context(code_servers(instance, "pipelines.location"))
        daemon = subprocess.Popen(daemon_command(workspace), preexec_fn=end_with_parent)
        app = stack.enter_context(web_app(instance, workspace))
        guarded = Guard(app, access(token, asked.port, asked.host, asked.name))
        # No log of requests: a URL may hold the token.
        settings = uvicorn.Config(
            guarded, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(settings)
        threading.Thread(target=_watch_daemon, args=(daemon, server), daemon=True).start()
        address = url(asked.host, asked.port)
        console.result(f"Dagster 界面  {address}{f'?token={token}' if asked.show_token else ''}")
        sys.stdout.flush()
        server.run(sockets=[listening])
    return 0 if daemon.poll() is None else console.FAILED


def _listening(host: str, port: int) -> socket.socket:
    """A listening socket. It is opened first, so that a port in use is found before any process starts."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return socket.create_server(address[:2], family=family, backlog=2048)


def _end_with_input(alone: threading.Event) -> None:
    """Wait for the end of the standard input, then end every process of the group, this one last."""
    sys.stdin.read()
    alone.set()
    os.killpg(0, signal.SIGTERM)
    time.sleep(GRACE)
    os.killpg(0, signal.SIGKILL)


def _watch_daemon(daemon: subprocess.Popen[bytes], server: uvicorn.Server) -> None:
    """End the server when the daemon ends: without it no run starts, though the server would seem to work."""
    daemon.wait()
    if not server.should_exit:
        console.progress(f"Dagster 的后台进程已退出（{daemon.returncode}），服务随之停止")
        server.should_exit = True


if __name__ == "__main__":
    sys.exit(main())
