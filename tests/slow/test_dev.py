"""`zhenjie dev` as a process: who gets in, and that all of its processes end with it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

BATCH = "2026-03-02"
DATASETS = "police.population,health.death"
# Starting takes 10 to 20 seconds when nothing else runs.
PATIENCE = 120
LAUNCH = """mutation Launch($job: String!, $config: RunConfigData, $tags: [ExecutionTag!]) {
  launchRun(executionParams: {
    selector: {repositoryLocationName: "pipelines.location", repositoryName: "__repository__", jobName: $job}
    runConfigData: $config
    executionMetadata: {tags: $tags}
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}"""
STATUS = """query Status($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def zhenjie(home: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "pipelines.cli", "--home", str(home), *arguments]
    subprocess.run(command, check=True, capture_output=True, env=environment())


def environment() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("ZHENJIE_", "DAGSTER_"))}
    return {**own, "ZHENJIE_DATASETS": DATASETS}


@dataclass
class Server:
    """A running `zhenjie dev`."""

    process: subprocess.Popen[str]
    port: int
    said: Path
    token: str = ""
    seen: set[int] = field(default_factory=set)

    def ask(
        self, path: str, body: object = None, headers: dict[str, str] | None = None, token: bool = True
    ) -> tuple[int, str]:
        """Status and body of a request."""
        sent = {"Authorization": f"Bearer {self.token}"} if token else {}
        data = None if body is None else json.dumps(body).encode()
        sent |= {} if body is None else {"Content-Type": "application/json"}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data, {**sent, **(headers or {})}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def graphql(self, query: str, **variables: object) -> dict[str, object]:
        status, body = self.ask("/graphql", {"query": query, "variables": variables})
        assert status == 200, body
        data: dict[str, object] = json.loads(body)["data"]
        return data

    def launch(self, job: str, config: object = None, **tags: str) -> str:
        """Start a job; returns the id of its run."""
        asked = [{"key": key, "value": value} for key, value in tags.items()]
        data = self.graphql(LAUNCH, job=job, config=config or {}, tags=asked)["launchRun"]
        assert isinstance(data, dict) and data["__typename"] == "LaunchRunSuccess", data
        return str(data["run"]["runId"])

    def status(self, run: str) -> str:
        data = self.graphql(STATUS, id=run)["runOrError"]
        assert isinstance(data, dict)
        return str(data["status"])

    def wait_for(self, run: str, *statuses: str) -> str:
        until = time.monotonic() + PATIENCE
        while (now := self.status(run)) not in statuses:
            assert time.monotonic() < until, f"{run} is {now}"
            time.sleep(0.3)
        return now

    def descendants(self) -> set[int]:
        """The processes below it."""
        parents = {pid: facts[0] for pid, facts in processes().items()}
        below, edge = set[int](), {self.process.pid}
        while edge := {pid for pid, parent in parents.items() if parent in edge} - below:
            below |= edge
        return below


def processes() -> dict[int, tuple[int, str]]:
    """Every living process → its parent, and when it started: a number alone may be another's by now."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if fields[0] != "Z":
                found[int(folder.name)] = (int(fields[1]), fields[19])
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation that has received a small city."""
    folder = tmp_path_factory.mktemp("dev")
    zhenjie(folder / "home", "sample", str(folder / "sample"), "--residents", "600", "--batch", BATCH)
    files = [
        str(path) for path in (folder / "sample").glob("*_*") if path.name[:4] in ("户籍人口", "死亡医学")
    ]
    assert len(files) == 2
    zhenjie(folder / "home", "deliver", "--batch", BATCH, *files)
    return folder / "home"


@pytest.fixture
def server(home: Path, tmp_path: Path) -> Iterator[Server]:
    """`zhenjie dev`, ready; whatever is left of it afterwards is killed."""
    port, said = free_port(), tmp_path / "said.txt"
    command = [sys.executable, "-m", "pipelines.cli", "--home", str(home), "dev", "--port", str(port)]
    with said.open("w") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, text=True, env=environment()
        )
    server = Server(process, port, said)
    try:
        until = time.monotonic() + PATIENCE
        while not (found := re.search(r"http://127.0.0.1:\d+/\?token=([\w-]{40,})", said.read_text())):
            assert process.poll() is None and time.monotonic() < until, said.read_text()
            time.sleep(0.2)
        server.token = found[1]
        while True:
            with suppress(urllib.error.URLError):
                if server.ask("/server_info")[0] == 200:
                    break
            assert time.monotonic() < until, said.read_text()
            time.sleep(0.2)
        yield server
    finally:
        left = {process.pid, *server.descendants(), *server.seen} & processes().keys()
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def upgraded(server: Server, *headers: str) -> int:
    """The status of a web socket's handshake."""
    lines = [
        "GET /graphql HTTP/1.1", f"Host: 127.0.0.1:{server.port}", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: graphql-ws", *headers, "", "",
    ]  # fmt: skip
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall("\r\n".join(lines).encode())
        return int(connection.recv(1000).split()[1])


def test_only_who_has_the_token_gets_in_and_no_process_shows_it(server: Server, home: Path) -> None:
    own, foreign = {"Origin": f"http://127.0.0.1:{server.port}"}, {"Origin": "http://evil.example"}
    assert server.ask("/", token=False)[0] == 401
    assert server.ask("/server_info", headers=foreign)[0] == 403
    assert server.ask("/server_info", headers={"Host": "evil.example"})[0] == 421
    status, page = server.ask("/", headers={"Accept": "text/html", **own})
    assert status == 200 and "Dagster" in page
    bearer = f"Authorization: Bearer {server.token}"
    assert upgraded(server) == 403
    assert upgraded(server, bearer, "Origin: http://evil.example") == 403
    assert upgraded(server, bearer) == 101

    mutation = "mutation%20{terminateRun(runId:%22x%22){__typename}}"
    assert server.ask(f"/graphql?query={mutation}")[0] == 405
    ledger = home / "ledger.sqlite"
    ledger.touch()
    config = {"ops": {"take_in_answers": {"config": {"files": [str(ledger)]}}}}
    assert server.wait_for(server.launch("answers", config), "SUCCESS", "FAILURE") == "FAILURE"
    assert ledger.exists()

    for pid in {server.process.pid, *server.descendants()}:
        for kind in ("cmdline", "environ"):
            assert server.token.encode() not in (Path("/proc") / str(pid) / kind).read_bytes()
    # Where it was printed for the person who started the server, and not once more.
    assert server.said.read_text().count(server.token) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_all_of_its_processes_end_with_it_also_in_the_middle_of_a_run(
    server: Server, number: signal.Signals
) -> None:
    run = server.launch("turn", **{"dagster/partition": BATCH})
    server.wait_for(run, "STARTED", "SUCCESS")
    before = {pid: processes()[pid] for pid in server.descendants()}
    server.seen = set(before)
    # Server, code server and its proxy, daemon, and the run.
    assert len(before) >= 5
    began = time.monotonic()
    server.process.send_signal(number)
    server.process.wait(10)
    while left := {pid for pid, facts in before.items() if processes().get(pid, ("", ""))[1] == facts[1]}:
        assert time.monotonic() - began < 5, f"left: {left}"
        time.sleep(0.05)
    if number != signal.SIGKILL:
        assert server.process.returncode == 0


def test_it_ends_when_its_server_is_killed(server: Server) -> None:
    """The one process that holds the others together is lost."""
    before = {pid: processes()[pid] for pid in server.descendants()}
    server.seen = set(before)
    (leader,) = [pid for pid, (parent, _) in before.items() if parent == server.process.pid]
    os.kill(leader, signal.SIGKILL)
    assert server.process.wait(10) == 3
    assert not {pid for pid, facts in before.items() if processes().get(pid, ("", ""))[1] == facts[1]}
    assert "意外停止" in server.said.read_text()
