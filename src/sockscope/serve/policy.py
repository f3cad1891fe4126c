"""书页的内容安全策略：只有书自己的东西，和页内内核要的 WebAssembly。书页里是一个 meta，``make serve`` 的服务器另有一个头部。"""

from __future__ import annotations

__all__ = ["POLICY"]

POLICY = "; ".join((
    "default-src 'self'",
    "script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' blob:",  # 主题有写在页里的脚本；核对过摘要的 v86 是一个 blob
    "worker-src 'self' blob:",  # v86 的钟是一个 blob
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "object-src 'none'", "base-uri 'self'", "form-action 'self'",
))
"""``connect-src`` 照 ``default-src``：书页和它的 Worker 只能向书自己的网站取东西。"""
