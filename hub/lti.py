"""从教学平台登录（LTI 1.3）：四项设置都给了才有，由 ``jupyterhub_config.py`` 读进来，Kubernetes 上由 ``hub.extraConfig`` 读进来。

签名、收件人、期限、state 与 nonce 由 jupyterhub-ltiauthenticator 核对。这里添的几条：

- 名字只从自定义参数 ``account`` 来，一个字也不改：它就是系统的账户，也是收卷时的用户名。没有给出、平台没有替换的变量
  （``$User.username`` 照原样发来）都不算名字，也不退回别的一项。学生自己改得了的（姓名、邮箱）平台那边就不该填。
- 一台服务器上，只有组里的账户进得来：平台上有个用户叫 root，也变不成这里的 root。
- 一张票只用一次：留着 cookie 再交一遍也不行。中枢重启就忘了用过的，票的期限还在。
- 登记表（``/hub/lti13/config``）只要 ``account``，别的权限一样也不要。Canvas 没有工具的公钥不让登记，这里什么也不签，
  所以给一把用完就丢的（canvas-lms 的 ``validate_configuration``）。
- state 与 nonce 的 cookie 写明 ``SameSite=None``：平台用跨站的 POST 把人送回来（OAuth 2.0 Form Post Response Mode）。
"""

import os
import re
import sys
import time
from urllib.parse import urlsplit

SETTINGS = {"SOCKSCOPE_LTI_ISSUER": "issuer", "SOCKSCOPE_LTI_CLIENT_ID": "client_id",
            "SOCKSCOPE_LTI_AUTHORIZE_URL": "authorize_url", "SOCKSCOPE_LTI_JWKS_URL": "jwks_endpoint"}
GIVEN = {name: os.environ.get(name, "").strip() for name in SETTINGS}
PAGE = "见书里《一个班在一台服务器上》的“从教学平台登录”。"


def safe(url: str) -> bool:
    """公钥从它来，路上不许有人换掉：https，或者就在这台机器上。"""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1"))


if missing := [name for name, value in GIVEN.items() if not value]:
    sys.exit(f"从教学平台登录还缺 {'、'.join(missing)}：四项要一起写，都不写就不用它。{PAGE}")
if unsafe := [name for name, value in GIVEN.items() if name != "SOCKSCOPE_LTI_CLIENT_ID" and not safe(value)]:
    sys.exit(f"{'、'.join(unsafe)} 要以 https:// 开头。{PAGE}")
try:
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
    from jupyterhub.auth import PAMAuthenticator
    from jwt.algorithms import RSAAlgorithm
    from ltiauthenticator.lti13.auth import LTI13Authenticator
    from ltiauthenticator.lti13.constants import LTI13_CUSTOM_CLAIM, LTI13_INIT_LOGIN_REQUEST_ARGS
    from ltiauthenticator.lti13.handlers import LTI13CallbackHandler, LTI13ConfigHandler, LTI13LoginInitHandler
    from tornado.web import HTTPError
    from traitlets import Dict
except ImportError:
    sys.exit("从教学平台登录要 jupyterhub-ltiauthenticator：pip install -r hub/requirements.txt。")

ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]*")  # 没有“+”：交换处用它隔开用户名和练习
LEEWAY = 30  # 秒：平台的钟可以快慢这么多
UNUSED = RSAAlgorithm.to_jwk(generate_private_key(65537, 2048).public_key(), as_dict=True)  # 私钥没有留下


class Refused(HTTPError):
    """不让进来。``log_message`` 是给学生看的一句话。"""


class Leaving(LTI13LoginInitHandler):
    """平台送人来：记下 state 与 nonce，让他回平台去领票。"""

    def post(self):
        if not all(self.get_argument(name, "") for name in LTI13_INIT_LOGIN_REQUEST_ARGS):
            raise Refused(400, "请从教学平台的课程里点开这本书：直接打开这个地址登录不了。")
        super().post()

    get = post

    def _set_oauth_cookie(self, key, value):
        crossing = {"samesite": "None", "secure": True} if self.authenticator.get_uri_scheme(self.request) == "https" else {}
        self._set_cookie(key, value, expires_days=1, httponly=True, encrypted=True, **crossing)


class Returning(LTI13CallbackHandler):
    """他拿着票回来。"""

    async def post(self):
        try:
            await super().post()
        except Refused:
            raise
        except HTTPError as reason:
            raise Refused(reason.status_code, "教学平台给的登录没有通过（%s）。回到平台再点一次；还不行，把这一句告诉教师。",
                          reason.log_message) from None


class Described(LTI13ConfigHandler):
    """给 Canvas 的登记表：在新窗口里打开。"""

    async def get(self):
        base = f"{self.authenticator.get_uri_scheme(self.request)}://{self.request.host}{self.hub.base_url}"
        place = {"placement": "course_navigation", "message_type": "LtiResourceLinkRequest", "target_link_uri": base,
                 "windowTarget": "_blank"}
        settings = {"platform": "canvas.instructure.com", "placements": [place]}
        self.finish({
            "title": "看得见的套接字", "description": "书与练习，各有自己的服务器。", "target_link_uri": base,
            "oidc_initiation_url": self.authenticator.login_url(base), "scopes": [],
            "custom_fields": {"account": "$Canvas.user.sisSourceId"},
            "public_jwk": {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "unused", "e": UNUSED["e"], "n": UNUSED["n"]},
            "extensions": [{"platform": "canvas.instructure.com", "privacy_level": "anonymous", "settings": settings}]})


class Student(LTI13Authenticator):
    """平台说的人，就是名单上的人。"""

    login_handler, callback_handler, config_handler = Leaving, Returning, Described
    used = Dict(help="用过的 nonce → 它的票到什么时候再也没有人收")

    async def authenticate(self, handler, data=None):
        for nonce in [nonce for nonce, until in self.used.items() if until < time.time()]:
            del self.used[nonce]
        if data["nonce"] in self.used:
            raise Refused(400, "这张票已经用过了。回到教学平台再点一次。")
        self.used[data["nonce"]] = data["exp"] + LEEWAY
        return await super().authenticate(handler, data)

    def get_username(self, token):
        told = (token.get(LTI13_CUSTOM_CLAIM) or {}).get("account")
        if not isinstance(told, str) or not ACCOUNT.fullmatch(told):
            raise Refused(403, "教学平台没有说你的账户是哪一个。请教师看看工具的自定义参数 account。")
        return told

    def normalize_username(self, username):
        return self.username_map.get(username, username)


class Account(Student, PAMAuthenticator):
    """一台 Linux 服务器：名字是系统的账户，组决定谁进得来、谁是教师。"""

    def check_allowed(self, username, authentication=None):
        try:
            allowed = super().check_allowed(username, authentication)
        except KeyError:  # 没有这个账户
            allowed = False
        if not allowed:
            raise Refused(403, "教学平台说你是 %s，这台服务器的班里没有这个账户。请告诉教师。", username)
        return True


kubernetes = "KUBERNETES_SERVICE_HOST" in os.environ  # 每个 pod 里都有
c.JupyterHub.authenticator_class = Student if kubernetes else Account  # type: ignore[name-defined]  # noqa: F821
c.Authenticator.allow_all = kubernetes  # type: ignore[name-defined]  # noqa: F821
c.Authenticator.auto_login = True  # type: ignore[name-defined]  # noqa: F821
c.LTI13LaunchValidator.time_leeway = LEEWAY  # type: ignore[name-defined]  # noqa: F821
for name, trait in SETTINGS.items():
    setattr(c.LTI13Authenticator, trait, {GIVEN[name]} if trait == "client_id" else GIVEN[name])  # type: ignore[name-defined]  # noqa: F821
