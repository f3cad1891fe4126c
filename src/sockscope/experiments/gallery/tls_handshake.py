"""真程序：加密的网页。程序说明文，网线上走密文。"""

from __future__ import annotations

import http.client
from pathlib import Path

from sockscope.experiments import GALLERY, Choice, experiment
from sockscope.experiments.gallery.web import ask, serving
from sockscope.live import Network, Unavailable

CERTIFICATE = Path(__file__).with_name("server.pem")  # 只为这个实验做的，连同它的私钥


@experiment(
    chapter=GALLERY, title="TLS 握手", question="https 的请求，在第几个来回之后才发得出去？网线上读得出明文吗？", lossless=True,
    compares="kinds", cuttable=False,
    version=Choice("TLS 的版本", {"1.3": "1.3", "1.2": "1.2"}))
def tls_handshake(net: Network, version: str) -> None:
    try:
        import ssl
    except ImportError:
        raise Unavailable("这个 Python 没有 OpenSSL（模块 ssl），放的是录制。补救：换一个带着它的 Python。") from None
    serving_with, asking_with = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=str(CERTIFICATE))
    serving_with.load_cert_chain(CERTIFICATE)
    asking_with.minimum_version = asking_with.maximum_version = ssl.TLSVersion[f"TLSv{version.replace('.', '_')}"]
    with serving(net, 443, secure=serving_with), net.client:
        client = http.client.HTTPSConnection("server", context=asking_with, timeout=10)
        ask(client, "/")
        client.close()
        net.settle()
