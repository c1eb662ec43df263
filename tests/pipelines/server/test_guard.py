"""The guard: what comes from another page, under another name, without the token or by the wrong method."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from pipelines.server.guard import Access, Guard
from pipelines.server.serve import access, url

SECRET = "a-secret-of-this-test"
HOST = "127.0.0.1:3000"
BEARER = {"authorization": f"Bearer {SECRET}"}
MUTATION = 'mutation { launchRun(executionParams: {selector: {jobName: "answers"}}) { __typename } }'


async def inside(scope: Scope, receive: Receive, send: Send) -> None:
    """The application behind the guard: says that it was reached."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        return
    await PlainTextResponse("inside", headers={"Content-Security-Policy": "script-src 'self'"})(
        scope, receive, send
    )


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


def ask(
    path: str = "/",
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    who: Access | None = None,
    log: list[str] | None = None,
    socket: bool = False,
) -> Answer:
    """One request through the guard, as a server of ASGI makes it."""
    path, _, query = path.partition("?")
    sent: list[Message] = []
    scope: dict[str, Any] = {
        "type": "websocket" if socket else "http",
        "path": path,
        "query_string": query.encode(),
        "headers": [(k.encode(), v.encode("latin-1")) for k, v in {"host": HOST, **(headers or {})}.items()],
        "client": ("10.1.2.3", 999),
        **({} if socket else {"method": method}),
    }

    async def receive() -> Message:
        if socket:
            return {"type": "websocket.connect"}
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    lines = [] if log is None else log
    asyncio.run(
        Guard(inside, who or access(SECRET, 3000, "127.0.0.1", []), lines.append)(scope, receive, send)
    )
    if socket:
        return Answer({"websocket.accept": 101, "websocket.close": 403}[sent[0]["type"]])
    given = [(k.decode().lower(), v.decode("latin-1")) for k, v in sent[0]["headers"]]
    return Answer(sent[0]["status"], given, b"".join(m.get("body", b"") for m in sent[1:]).decode())


def cookie_of(answer: Answer) -> str:
    (cookie,) = answer.header("set-cookie")
    return cookie.partition(";")[0]


def test_without_the_token_nothing_is_reached() -> None:
    for path in ("/", "/graphql", "/server_info", "/logs/x", "/download_debug/1", "/report_asset_check/a"):
        for method in ("GET", "HEAD", "POST", "OPTIONS", "PUT"):
            assert ask(path, method).status == 401, (path, method)
    assert ask(headers={"authorization": "Bearer wrong"}).status == 401
    assert ask(headers={"cookie": "zhenjie_dev_3000=wrong"}).status == 401
    assert ask(headers={"cookie": f"zhenjie_dev_3000={SECRET}"}).status == 401
    assert ask("/graphql", socket=True).status == 403


def test_a_person_without_the_token_is_asked_for_it() -> None:
    page = ask(headers={"accept": "text/html,*/*"})
    assert page.status == 401
    assert 'type="password"' in page.body


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "token"])
def test_a_program_sends_the_token_in_a_header(scheme: str) -> None:
    assert ask(headers={"authorization": f"{scheme} {SECRET}"}).body == "inside"
    assert ask("/graphql", headers={"authorization": f"{scheme} {SECRET}"}, socket=True).status == 101


def test_the_token_in_the_url_becomes_a_cookie_and_leaves_the_url() -> None:
    entered = ask(f"/runs?token={SECRET}&cursor=a%20b")
    assert entered.status == 303
    assert entered.header("location") == ["/runs?cursor=a+b"]
    (cookie,) = entered.header("set-cookie")
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and SECRET not in cookie
    assert entered.header("cache-control") == ["no-store"]
    assert ask("/runs", headers={"cookie": cookie_of(entered)}).body == "inside"
    assert ask("/graphql", headers={"cookie": cookie_of(entered)}, socket=True).status == 101
    # A cookie of another program on this machine, which no standard allows, hides ours from nobody.
    assert ask(headers={"cookie": f'bad[]="; {cookie_of(entered)}'}).body == "inside"


def test_the_redirect_stays_on_this_server() -> None:
    assert ask(f"//evil.example/?token={SECRET}").header("location") == ["/evil.example/"]
    assert ask(f"/\\evil.example?token={SECRET}").header("location")[0].startswith("/evil.example")


def test_the_token_is_entered_in_a_form() -> None:
    page = ask("/login", headers={"accept": "text/html"})
    assert page.status == 200
    # Its form is sent with the page's own origin only if the page does not hide it.
    assert page.header("referrer-policy") == ["same-origin"]
    form = {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}
    entered = ask("/login", "POST", form, f"token={SECRET}".encode())
    assert (entered.status, entered.header("location")) == (303, ["/"])
    assert ask(headers={"cookie": cookie_of(entered)}).body == "inside"
    for wrong in (b"token=wrong", b"", b"x" * 100_000):
        assert ask("/login", "POST", form, wrong).status == 401
    assert ask("/?token=wrong").status == 401
    assert ask(f"/?token={SECRET}x").status == 401


def test_the_session_ends_with_the_token() -> None:
    cookie = {"cookie": cookie_of(ask(f"/?token={SECRET}"))}
    assert ask(headers=cookie, who=access("another-secret-token", 3000, "127.0.0.1", [])).status == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8888"},
        {"origin": "http://127.0.0.1"},
        {"origin": "http://localhost:3000"},
        {"origin": "file://"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": f"http://{HOST}", "sec-fetch-site": "cross-site"},
    ],
)
@pytest.mark.parametrize("socket", [False, True])
def test_another_page_reaches_nothing_even_with_the_token(headers: dict[str, str], socket: bool) -> None:
    assert ask("/graphql", "POST", {**BEARER, **headers}, socket=socket).status == 403
    if not socket:
        assert ask(f"/?token={SECRET}", headers=headers).status == 403
        assert ask("/login", "POST", headers, f"token={SECRET}".encode()).status == 403


@pytest.mark.parametrize("origin", [f"http://{HOST}", "https://127.0.0.1:3000"])
def test_its_own_page_is_let_in(origin: str) -> None:
    assert ask(headers={**BEARER, "origin": origin, "sec-fetch-site": "same-origin"}).body == "inside"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:3000", "127.0.0.1.evil.example:3000", "evil.example@127.0.0.1:3000",
        "", "10.0.0.5:3000", "127.0.0.1:port", "0.0.0.0:3000",
    ],
)  # fmt: skip
def test_another_name_of_the_server_reaches_nothing(host: str) -> None:
    """DNS rebinding: the browser takes the page of evil.example and this server for one."""
    foreign = {"host": host, "origin": f"http://{host}", "sec-fetch-site": "same-origin"}
    assert ask(headers={**BEARER, **foreign}).status == 421
    assert ask("/graphql", headers={**BEARER, **foreign}, socket=True).status == 403


@pytest.mark.parametrize(
    "host", ["localhost:3000", "LOCALHOST:3000", "127.0.0.1", "[::1]:3000", "127.0.0.1:9999"]
)
def test_this_machine_has_several_names(host: str) -> None:
    assert ask(headers={**BEARER, "host": host, "origin": f"http://{host}"}).body == "inside"


def test_a_server_for_all_addresses_is_reached_by_address_and_by_its_names() -> None:
    open_ = access(SECRET, 3000, "0.0.0.0", ["dagster.example.gov.cn"])
    for host in ("10.0.0.5:3000", "[fd00::5]:3000", "dagster.example.gov.cn", "Dagster.example.gov.cn:3000"):
        assert ask(headers={**BEARER, "host": host}, who=open_).body == "inside"
    assert ask(headers={**BEARER, "host": "evil.example"}, who=open_).status == 421
    assert url("0.0.0.0", 3000) == "http://127.0.0.1:3000/"
    assert url("::1", 3000) == "http://[::1]:3000/"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("{ version }", 200),
        ("query A { version }", 200),
        (MUTATION, 405),
        ("query A { version } " + MUTATION, 405),
        ("# query\n" + MUTATION, 405),
        ("fragment F on Query { version } mutation { x }", 405),
        ("subscription { x }", 405),
        ("mutation", 200),  # cannot be parsed: Dagster says so
    ],
)
def test_graphql_by_get_only_reads(query: str, status: int) -> None:
    assert ask(f"/graphql?query={quote(query)}", headers=BEARER).status == status
    assert ask(f"/graphql?query={quote('{ version }')}&query={quote(query)}", headers=BEARER).status == status


@pytest.mark.parametrize("path", ["/graphql\n", "/graphql/", "/graphql "])
def test_other_spellings_of_the_path_are_the_same_path(path: str) -> None:
    assert ask(f"{path}?query={quote(MUTATION)}", headers=BEARER).status == 405


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("application/graphql", 200),
        ("text/plain", 415),
        ("text/plain;application/json", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("", 415),
    ],
)
def test_graphql_by_post_is_json(kind: str, status: int) -> None:
    assert ask("/graphql", "POST", {**BEARER, "content-type": kind}).status == status


def test_every_answer_forbids_frames_and_hides_its_address() -> None:
    for answer in (
        ask(),
        ask(headers=BEARER),
        ask(headers={"host": "evil.example"}),
        ask(f"/?token={SECRET}"),
    ):
        assert answer.header("x-frame-options") == ["DENY"]
        assert "frame-ancestors 'none'" in answer.header("content-security-policy")
        assert answer.header("x-content-type-options") == ["nosniff"]
        assert answer.header("referrer-policy") == ["same-origin"]
    # Dagster's own policy stays.
    assert "script-src 'self'" in ask(headers=BEARER).header("content-security-policy")


def test_what_is_refused_is_logged_without_its_query() -> None:
    log: list[str] = []
    ask("/a\nb?token=half-a-secret", "POST", log=log)
    ask(f"/?token={SECRET}", log=log)
    assert log == ["refused 401 10.1.2.3 POST '/a\\nb'"]
    assert SECRET not in repr(access(SECRET, 3000, "127.0.0.1", []))
