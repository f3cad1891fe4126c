"""一个小小的教学平台：自己的 RSA 密钥，公钥在 ``/jwks``，``/launch`` 把人送到工具，``/authorize`` 给他一张签过名的票。

照 LTI 1.3 与 1EdTech Security Framework 1.0 §5.1 的三步做。``tamper`` 在签名之前改票，``signer`` 换掉签名的钥匙：用来做假票。
"""

from __future__ import annotations

import html
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
FORM = """<!doctype html><form method="post" action="{redirect_uri}">
<input type="hidden" name="state" value="{state}"><input type="hidden" name="id_token" value="{id_token}"></form>
<script>document.forms[0].submit()</script>"""


def new_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


class Platform:
    """``tool`` 是工具的根地址；``client_id`` 是登记时发给它的编号。"""

    client_id, kid = "10000000000042", "2026"
    tamper: Callable[[dict[str, Any]], object]
    signer: RSAPrivateKey

    def __init__(self, tool: str) -> None:
        self.tool, self.own, self.base = tool, new_key(), ""
        self.honest()

    def honest(self) -> None:
        self.tamper, self.signer = lambda claims: None, self.own

    def jwks(self) -> dict[str, Any]:
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self.own.public_key(), as_dict=True)
        return {"keys": [{**key, "kid": self.kid, "alg": "RS256", "use": "sig"}]}

    def launch(self, account: str, target: str = "") -> str:
        """学生在课程里点开链接：他的浏览器去的地址。``target`` 是链接自己写的网址。"""
        return f"{self.tool}/hub/lti13/oauth_login?" + urlencode({
            "iss": self.base, "login_hint": account, "client_id": self.client_id,
            "target_link_uri": target or f"{self.tool}/hub/", "lti_deployment_id": "1"})

    def ticket(self, asked: dict[str, str]) -> str:
        """一张票。平台从 ``login_hint`` 认出是谁，像真的平台认自己的登录那样。"""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.base, "aud": asked["client_id"], "sub": f"opaque-{asked['login_hint']}", "nonce": asked["nonce"],
            "iat": now, "exp": now + 300, "name": "Zhang San", "given_name": "San", "email": "anyone@example.edu",
            f"{CLAIM}message_type": "LtiResourceLinkRequest", f"{CLAIM}version": "1.3.0", f"{CLAIM}deployment_id": "1",
            f"{CLAIM}target_link_uri": f"{self.tool}/hub/", f"{CLAIM}resource_link": {"id": "lab05"},
            f"{CLAIM}roles": ["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"],
            f"{CLAIM}custom": {"account": asked["login_hint"]}}
        self.tamper(claims)
        return jwt.encode(claims, self.signer, algorithm="RS256", headers={"kid": self.kid})

    def page(self, path: str) -> tuple[str, bytes]:
        url = urlsplit(path)
        asked = dict(parse_qsl(url.query))
        if url.path == "/jwks":
            return "application/json", json.dumps(self.jwks()).encode()
        if url.path != "/authorize":
            return "text/plain", b""
        assert asked["redirect_uri"] == f"{self.tool}/hub/lti13/oauth_callback", "只回登记过的地址"
        assert (asked["response_type"], asked["response_mode"], asked["prompt"]) == ("id_token", "form_post", "none")
        answer = {"redirect_uri": asked["redirect_uri"], "state": asked["state"], "id_token": self.ticket(asked)}
        return "text/html", FORM.format_map({name: html.escape(value) for name, value in answer.items()}).encode()


@contextmanager
def serving(platform: Platform) -> Iterator[Platform]:
    """让平台在环回地址上应答。"""
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = platform.page(self.path)
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        platform.base = f"http://127.0.0.1:{server.server_port}"
        try:
            yield platform
        finally:
            server.shutdown()
            thread.join()
