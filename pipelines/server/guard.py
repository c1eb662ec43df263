"""The guard before Dagster's web server: it checks the sender, the page and the method of each request.

Dagster's server has no login, and answers any web page that the operator's browser has open. The guard lets a request
through only if

1. its `Host` names this server: a foreign name that resolves to this machine (DNS rebinding) does not;
2. it comes from a page of this server, or from no page: `Origin` and `Sec-Fetch-Site` say so;
3. it has the token: in the cookie that the login page sets, or, from a program, in `Authorization: Bearer`;
4. it does not change anything unless it is a POST: GraphQL mutations by GET are refused.

The same holds for web sockets. The token comes from the URL once and is taken out of it by a redirect.
"""

from __future__ import annotations

import hmac
import ipaddress
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.server.pages import login_page

LOGIN = "/login"
GRAPHQL = "/graphql"
TOKEN = "token"

# A form with a token is far smaller.
MOST_OF_A_FORM = 4096
# With another type of body, which a form of a foreign page may send, Dagster reads the query from the URL.
GRAPHQL_TYPES = ("application/json", "application/graphql")

HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # No other server learns the address of a page, so a token in it cannot leak. (With "no-referrer", browsers would
    # send the login form with `Origin: null`.)
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
REFUSED_SOCKET = 1008  # policy violation, RFC 6455 section 7.4.1


@dataclass(frozen=True)
class Access:
    """The conditions that a request must meet.

    Args:
        token: the secret.
        port: the port of the server. The ports of a machine share cookies, so the cookie's name contains it.
        hosts: the names, without port, by which the server may be reached.
        any_address: whether it may be reached by any IP address too. No name is resolved to reach an address, so a
            foreign page cannot pretend to be one.
    """

    token: str = field(repr=False)
    port: int
    hosts: frozenset[str]
    any_address: bool = False

    @property
    def cookie(self) -> str:
        """The cookie's name."""
        return f"zhenjie_dev_{self.port}"

    @property
    def session(self) -> str:
        """The cookie's value, an HMAC by the token: the token cannot be computed from it."""
        return hmac.new(self.token.encode(), b"zhenjie dev session", "sha256").hexdigest()

    def is_token(self, text: str) -> bool:
        """Whether a text is the token, compared in constant time."""
        return hmac.compare_digest(text.encode(), self.token.encode())

    def is_known_host(self, host: str) -> bool:
        """Whether a `Host` header, with or without a port, names this server."""
        name = _host_name(host)
        return name is not None and (name in self.hosts or (self.any_address and _is_address(name)))

    def has_token(self, headers: Headers) -> bool:
        """Whether a request has the token, or the cookie of a session that began with the token."""
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        if scheme.lower() in ("bearer", TOKEN):  # the second as Jupyter's clients send it
            return self.is_token(credentials.strip())
        # Not `http.cookies`: it stops at a malformed cookie, which another program of this machine may have set.
        sent = cookie_parser(headers.get("cookie", "")).get(self.cookie, "")
        return hmac.compare_digest(sent.encode(), self.session.encode())


@dataclass(frozen=True)
class RefusedRequest:
    """The reason why a request is refused: an HTTP status and a sentence for the reader."""

    status: int
    sentence: str


FOREIGN_HOST = RefusedRequest(
    421,
    "拒绝访问：地址不是本服务的地址。请用启动时显示的网址打开；要用别的名称访问，请设置 ZHENJIE_DEV_HOSTS。",
)
FOREIGN_PAGE = RefusedRequest(403, "拒绝访问：请求来自别的网页。请在浏览器地址栏中直接打开启动时显示的网址。")
NO_TOKEN = RefusedRequest(401, "拒绝访问：没有令牌。请用启动时显示的网址打开。")
NOT_BY_GET = RefusedRequest(405, "拒绝访问：修改数据的 GraphQL 请求只能用 POST。")
WRONG_TYPE = RefusedRequest(415, "拒绝访问：GraphQL 请求的内容类型应为 application/json。")


class Guard:
    """Stands before an ASGI application. `log` receives each refusal, without its query and token."""

    def __init__(self, app: ASGIApp, access: Access, log: Callable[[str], None] | None = None) -> None:
        self._app = app
        self._access = access
        self._log = log or _to_stderr

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        is_socket = scope["type"] == "websocket"
        headers = Headers(scope=scope)
        refusal = self._foreign(scope, headers)
        if refusal is None and not is_socket:
            send = _with_headers(send)
            if (login := await self._login(scope, receive)) is not None:
                await login(scope, receive, send)
                return
        if refusal is None and not self._access.has_token(headers):
            refusal = NO_TOKEN
        if refusal is None and not is_socket:
            refusal = refused_method(scope, headers)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await self._refuse(scope, receive, send, refusal)

    def _foreign(self, scope: Scope, headers: Headers) -> RefusedRequest | None:
        """Whether a request names another server, or comes from another server's page."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._access.is_known_host(hosts[0]):
            return FOREIGN_HOST
        if any(not _same_origin(origin, hosts[0], scope) for origin in headers.getlist("origin")):
            return FOREIGN_PAGE
        # Browsers send it since 2020 (Firefox) to 2023 (Safari). "none": a person typed the address.
        if any(site not in ("same-origin", "none") for site in headers.getlist("sec-fetch-site")):
            return FOREIGN_PAGE
        return None

    async def _login(self, scope: Scope, receive: Receive) -> Response | None:
        """The answer to a request with the token in its URL or in the form of the login page."""
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if scope["method"] == "GET" and TOKEN in query:
            sent = query.pop(TOKEN)
            target = scope["path"] + (f"?{urlencode(query, doseq=True)}" if query else "")
            # A redirect to a path with two slashes in front would lead to another server.
            return self._entered(sent[-1], "/" + target.lstrip("/\\"))
        if scope["path"] != LOGIN:
            return None
        if scope["method"] == "POST":
            form = parse_qs((await _body(receive)).decode("latin-1"))
            return self._entered(form.get(TOKEN, [""])[-1], "/")
        return HTMLResponse(login_page(LOGIN, TOKEN), headers={"Cache-Control": "no-store"})

    def _entered(self, token: str, target: str) -> Response:
        if not self._access.is_token(token):
            page = login_page(LOGIN, TOKEN, "令牌不对。")
            return HTMLResponse(page, status_code=401, headers={"Cache-Control": "no-store"})
        response = RedirectResponse(target, status_code=303, headers={"Cache-Control": "no-store"})
        response.set_cookie(self._access.cookie, self._access.session, httponly=True, samesite="strict")
        return response

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, refusal: RefusedRequest) -> None:
        client = scope["client"][0] if scope.get("client") else "unknown"
        method = scope.get("method", "WEBSOCKET")
        self._log(f"refused {refusal.status} {client} {method} {ascii(scope['path'])[:200]}")
        if scope["type"] == "websocket":
            await receive()  # its request to connect
            await send({"type": "websocket.close", "code": REFUSED_SOCKET})
            return
        response: Response = PlainTextResponse(refusal.sentence, status_code=refusal.status)
        if refusal is NO_TOKEN and "text/html" in Headers(scope=scope).get("accept", ""):
            response = HTMLResponse(login_page(LOGIN, TOKEN), status_code=refusal.status)
        response.headers["Cache-Control"] = "no-store"
        await response(scope, receive, _with_headers(send))


def refused_method(scope: Scope, headers: Headers) -> RefusedRequest | None:
    """The reason why a method is refused at the GraphQL endpoint; None if it is allowed or the path is another."""
    if scope["path"].strip().rstrip("/") != GRAPHQL:
        return None
    if scope["method"] == "POST":
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        return None if kind in GRAPHQL_TYPES else WRONG_TYPE
    queries = parse_qs(scope["query_string"].decode("latin-1")).get("query", [])
    return None if all(map(reads_only, queries)) else NOT_BY_GET


def reads_only(query: str) -> bool:
    """Whether a GraphQL document has only queries. A document that cannot be parsed runs nothing."""
    try:
        document = parse(query)
    except GraphQLError:
        return True
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    return all(node.operation is OperationType.QUERY for node in operations)


def _same_origin(origin: str, host: str, scope: Scope) -> bool:
    """Whether an `Origin` header names the server of the `Host` header.

    The scheme is not compared: behind an HTTPS proxy the page has `https` and the request `http`.
    """
    parts = urlsplit(origin)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    if default is None:
        return False
    try:
        port = parts.port or default
        own = urlsplit(f"//{host}")
        return (parts.hostname, port) == (own.hostname, own.port or default)
    except ValueError:
        return False


def _host_name(host: str) -> str | None:
    """The name in a `Host` header, in lower case; an IPv6 address without its brackets."""
    if set(host) & set("/@?#\\ \t"):
        return None
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # a port that is no number
    except ValueError:
        return None
    return (parts.hostname or "").rstrip(".") or None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                # Several policies hold together: Dagster's own one limits scripts.
                if name == "Content-Security-Policy":
                    headers.append(name, value)
                else:
                    headers[name] = value
        await send(message)

    return sent


async def _body(receive: Receive) -> bytes:
    """The body of a request; only the beginning of a long one."""
    body = b""
    while len(body) <= MOST_OF_A_FORM:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return body[:MOST_OF_A_FORM]


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201  # the log of a server
