"""从教学平台登录：一个测试自己做的平台，把学生送进真的 JupyterHub；每一种假票都进不来。

要装着 JupyterHub 的环境：``_build/hub/venv/bin/python -m pytest tests/hub``，怎样装见书里《一个班在一台服务器上》。系统的账户
写在另一份 ``/etc/passwd`` 里，由 bubblewrap 换给中枢看，机器自己的不变。
"""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from sockscope.grading.course.layouts import LAYOUTS
from sockscope.grading.course.roster import Roster
from sockscope.grading.jail.sandbox import bwrap
from tests.hub.platform import CLAIM, Platform, new_key, serving

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TOOL = "http://localhost"  # 浏览器看见的中枢；请求走 Unix 套接字
ACCOUNTS = {"20250001": "sockscope", "U2025": "sockscope", "u2025": "sockscope", "wang.wu": "sockscope-teachers",
            "stranger": "nogroup"}
ROSTER = "学号,姓名,用户名\n20250001,张三,\n20250002,李四,U2025\n20250003,王五,u2025\n"


# ---------------------------------------------------------------- 备好

@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """中枢的文件夹，和它看见的账户。"""
    room = tmp_path_factory.mktemp("hub")
    ours = {"sockscope": 61000, "sockscope-teachers": 61001}
    groups = [line for line in Path("/etc/group").read_text().splitlines() if line.split(":")[0] not in ours]
    numbers = {line.split(":")[0]: int(line.split(":")[2]) for line in groups} | ours
    people = [line for line in Path("/etc/passwd").read_text().splitlines() if line.split(":")[0] not in ACCOUNTS]
    people += [f"{name}:x:{61000 + n}:{numbers[group]}::/nonexistent:/bin/false"
               for n, (name, group) in enumerate(ACCOUNTS.items())]
    (room / "passwd").write_text("\n".join(people) + "\n")
    (room / "group").write_text("\n".join([*groups, *(f"{name}:x:{number}:" for name, number in ours.items())]) + "\n")
    return room


@pytest.fixture(scope="module")
def served() -> Iterator[Platform]:
    with serving(Platform(TOOL)) as platform:
        yield platform


@pytest.fixture
def platform(served: Platform) -> Platform:
    served.honest()
    return served


def settings(platform: Platform) -> dict[str, str]:
    """教师写的四项。"""
    return {"SOCKSCOPE_LTI_ISSUER": platform.base, "SOCKSCOPE_LTI_CLIENT_ID": platform.client_id,
            "SOCKSCOPE_LTI_AUTHORIZE_URL": f"{platform.base}/authorize", "SOCKSCOPE_LTI_JWKS_URL": f"{platform.base}/jwks"}


def command(room: Path) -> list[str]:
    return [bwrap(), "--die-with-parent", "--dev-bind", "/", "/", "--ro-bind", str(room / "passwd"), "/etc/passwd",
            "--ro-bind", str(room / "group"), "/etc/group", "--chdir", str(room), "--",
            sys.executable, "-m", "jupyterhub", "-f", str(HERE / "jupyterhub_config.py")]


def environment(room: Path, told: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SOCKSCOPE_LTI_")}
    return {**kept, "SOCKSCOPE_TEST_ROOM": str(room), "SOCKSCOPE_TEST_HUB": str(ROOT / "hub"), **told}


@contextmanager
def running(room: Path, told: dict[str, str]) -> Iterator[list[str]]:
    """一台真的 JupyterHub；给出它说的话。"""
    with subprocess.Popen(command(room), env=environment(room, told), stderr=subprocess.PIPE, text=True) as process:
        said: list[str] = []
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if "JupyterHub is now running" in line:
                break
        else:
            pytest.fail("JupyterHub 没有起来：\n" + "".join(said[-30:]))
        rest = threading.Thread(target=said.extend, args=[process.stderr])
        rest.start()
        try:
            yield said
        finally:
            process.terminate()
            rest.join()


@contextmanager
def another(room: Path, name: str, told: dict[str, str]) -> Iterator[httpx.Client]:
    """另一台中枢，同样的账户，别的设置；给出它的一个浏览器。"""
    own = room / name
    own.mkdir()
    for file in ("passwd", "group"):
        shutil.copy(room / file, own)
    with running(own, told), visiting(own) as browser:
        yield browser


def visiting(room: Path, **told: Any) -> httpx.Client:
    return httpx.Client(base_url=TOOL, transport=httpx.HTTPTransport(uds=str(room / "hub.sock")), **told)


@pytest.fixture(scope="module")
def hub(room: Path, served: Platform) -> Iterator[list[str]]:
    with running(room, settings(served)) as said:
        yield said


@pytest.fixture
def browser(hub: list[str], room: Path) -> Iterator[httpx.Client]:
    with visiting(room) as client:
        yield client


# ---------------------------------------------------------------- 一次登录

def form(browser: httpx.Client, platform: Platform, account: str, target: str = "") -> tuple[str, dict[str, str]]:
    """从平台出发，领到票：平台的那张表单要送到哪里，里面有什么。"""
    begun = browser.get(platform.launch(account, target))
    assert begun.status_code == 302, begun.text
    assert begun.headers["location"].startswith(f"{platform.base}/authorize?")
    page = httpx.get(begun.headers["location"]).raise_for_status().text
    action = re.search(r'action="([^"]+)"', page)
    assert action is not None
    return html.unescape(action[1]), {n: html.unescape(v) for n, v in re.findall(r'name="(\w+)" value="([^"]*)"', page)}


def launch(browser: httpx.Client, platform: Platform, account: str = "20250001", target: str = "") -> httpx.Response:
    action, fields = form(browser, platform, account, target)
    return browser.post(action, data=fields)


def who(browser: httpx.Client) -> str | None:
    """中枢说登录的是谁；没有登录为 None。"""
    home = browser.get("/hub/home")
    found = re.search(r'user: "([^"]*)"', home.text)
    return found[1] if home.status_code == 200 and found else None


def sentence(answer: httpx.Response) -> str:
    """中枢的出错页上的那句话。"""
    found = re.search(r'<div class="error">(.*?)</div>', answer.text, re.DOTALL)
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", found[1] if found else "").split()))


@pytest.mark.parametrize("account", ["20250001", "U2025", "u2025", "wang.wu"])
def test_the_platform_s_account_is_the_hub_s_user_to_the_letter(browser, platform, account):
    answer = launch(browser, platform, account)
    assert (answer.status_code, answer.headers["location"]) == (302, "/hub/")
    assert who(browser) == account


def test_a_paper_handed_in_on_the_hub_is_the_roster_s_student(browser, platform):
    """登录的名字 → 交换处的文件夹 → 名单上的那一个人。"""
    roster, layout = Roster(ROSTER), LAYOUTS["exchange"]
    found = []
    for account in ("20250001", "U2025", "u2025"):
        launch(browser, platform, account)
        handed = layout.read((f"{who(browser)}+lab05+2026-11-30 08:00:00.000000 UTC", "lab05.ipynb"), "lab05")
        found.append([member.name for member in roster.find(handed.person, layout)])
    assert found == [["张三"], ["李四"], ["王五"]]


def test_only_the_teacher_is_an_administrator(browser, platform):
    launch(browser, platform, "wang.wu")
    assert browser.get("/hub/admin").status_code == 200
    launch(browser, platform, "20250001")
    assert browser.get("/hub/admin").status_code == 403


def refused(browser: httpx.Client, answer: httpx.Response, reason: str, status: int = 400) -> None:
    assert (answer.status_code, who(browser)) == (status, None)
    assert reason in sentence(answer)


# ---------------------------------------------------------------- 假票

def set_to(**changed: Any) -> Any:
    return lambda claims: claims.update(changed)


FORGED = {
    "audience": (set_to(aud="10000000000099"), 401, "Audience doesn't match"),
    "another-party": (set_to(aud=["10000000000042", "10000000000099"], azp="10000000000099"), 401, "azp claim"),
    "expired": (lambda claims: claims.update(exp=claims["iat"] - 60), 400, "Signature has expired"),
    "issued-long-ago": (lambda claims: claims.update(iat=claims["iat"] - 3600), 400, "issued too long ago"),
    "not-yet": (lambda claims: claims.update(iat=claims["iat"] + 60, exp=claims["exp"] + 60), 400, "not yet valid"),
    "issuer": (set_to(iss="https://lms.example.org"), 400, "Invalid issuer"),
    "nonce": (set_to(nonce="0" * 64), 400, "OAuth nonce mismatch"),
    "not-a-launch": (set_to(**{f"{CLAIM}message_type": "LtiSubmissionReviewRequest"}), 400, "message_type"),
}


@pytest.mark.parametrize("seconds", [-10, 10])
def test_the_platform_s_clock_may_differ_a_little(browser, platform, seconds):
    platform.tamper = lambda claims: claims.update(iat=claims["iat"] + seconds)
    assert launch(browser, platform).status_code == 302


@pytest.mark.parametrize("name", FORGED)
def test_a_ticket_that_is_not_for_us_now_is_refused(browser, platform, name):
    platform.tamper, status, reason = FORGED[name]
    answer = launch(browser, platform)
    refused(browser, answer, "教学平台给的登录没有通过", status)
    assert reason in sentence(answer)


def test_a_ticket_that_the_platform_did_not_sign_is_refused(browser, platform):
    platform.signer = new_key()
    refused(browser, launch(browser, platform), "Signature verification failed")


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_ticket_signed_with_what_everyone_knows_is_refused(browser, platform, algorithm):
    """不签名，或者把公钥当作共用的密码。"""
    action, fields = form(browser, platform, "20250001")
    claims = jwt.decode(fields["id_token"], options={"verify_signature": False})
    key = None if algorithm == "none" else str(platform.jwks()["keys"][0]["n"])
    fields["id_token"] = jwt.encode(claims, key, algorithm=algorithm, headers={"kid": platform.kid})
    refused(browser, browser.post(action, data=fields), "alg")


def test_a_ticket_changed_on_the_way_is_refused(browser, platform):
    action, fields = form(browser, platform, "20250001")
    _, other = form(browser, platform, "U2025")
    head, _, signature = fields["id_token"].split(".")
    fields["id_token"] = ".".join((head, other["id_token"].split(".")[1], signature))
    refused(browser, browser.post(action, data=fields | {"state": other["state"]}), "Signature verification failed")


def test_another_s_ticket_in_one_s_own_browser_is_refused(browser, platform, room):
    """state 与 nonce 记在出发的那个浏览器里。"""
    with visiting(room) as victim:
        action, stolen = form(victim, platform, "U2025")
    refused(browser, browser.post(action, data=stolen), "OAuth state missing")
    _, own = form(browser, platform, "20250001")
    refused(browser, browser.post(action, data=stolen), "OAuth state mismatch")
    _, own = form(browser, platform, "20250001")
    refused(browser, browser.post(action, data=stolen | {"state": own["state"]}), "OAuth nonce mismatch")


@pytest.mark.parametrize("left", [300, -10])
def test_a_ticket_works_once(browser, platform, room, left):
    """刚过期的票还收（两家的钟可以差一点），也只收一次。"""
    platform.tamper = lambda claims: claims.update(exp=claims["iat"] + left)
    action, fields = form(browser, platform, "20250001")
    kept = dict(browser.cookies)
    assert browser.post(action, data=fields).status_code == 302
    again = browser.post(action, data=fields)
    assert (again.status_code, "OAuth state missing" in sentence(again)) == (400, True)
    with visiting(room, cookies=kept) as replaying:
        refused(replaying, replaying.post(action, data=fields), "这张票已经用过了")


# ---------------------------------------------------------------- 是谁

@pytest.mark.parametrize("told", [
    {}, {"account": ""}, {"account": "$User.username"}, {"account": "$Canvas.user.sisSourceId"}, {"account": 20250001},
    {"account": "张三"}, {"account": "a+lab05+2026"}, {"account": "../root"}, {"account": "20250001\n"}])
def test_without_an_account_nobody_enters_not_even_under_another_claim(browser, platform, told):
    platform.tamper = set_to(**{f"{CLAIM}custom": told}, sub="20250001", preferred_username="20250001")
    refused(browser, launch(browser, platform), "自定义参数 account", 403)


def test_a_ticket_without_custom_parameters_is_refused(browser, platform):
    platform.tamper = lambda claims: claims.pop(f"{CLAIM}custom")
    refused(browser, launch(browser, platform), "自定义参数 account", 403)


@pytest.mark.parametrize("account", ["root", "stranger", "nobody-here"])
def test_who_is_not_in_the_class_is_told_so(browser, platform, account):
    refused(browser, launch(browser, platform, account), f"教学平台说你是 {account}，这台服务器的班里没有这个账户", 403)


def test_the_name_that_a_student_chooses_changes_nothing(browser, platform):
    platform.tamper = set_to(name="李四", given_name="U2025", email="U2025@example.edu", preferred_username="U2025")
    launch(browser, platform)
    assert who(browser) == "20250001"


# ---------------------------------------------------------------- 浏览器与别的路

def test_the_cookies_cross_from_the_platform_only_over_https(browser, platform):
    for protocol, expected in (("https", True), ("http", False)):
        begun = browser.get(platform.launch("20250001"), headers={"X-Forwarded-Proto": protocol})
        cookies = [line for line in begun.headers.get_list("set-cookie") if line.startswith("lti13authenticator-")]
        assert len(cookies) == 2
        assert all("HttpOnly" in line and ("SameSite=None" in line and "Secure" in line) is expected for line in cookies)
        assert f"redirect_uri={protocol}%3A%2F%2Flocalhost%2Fhub%2Flti13%2Foauth_callback" in begun.headers["location"]


@pytest.mark.parametrize("host", [TOOL, "https://elsewhere.example.org"])
def test_a_link_opens_its_own_page_and_never_another_site(browser, platform, host):
    answer = launch(browser, platform, target=f"{host}/hub/user-redirect/book/chapters/05_closing.html")
    assert answer.headers["location"] == "/hub/user-redirect/book/chapters/05_closing.html"


def test_what_a_platform_reads_to_register_asks_for_the_account_only(browser):
    """Canvas 的登记表：没有公钥它不收；权限一样也不要。"""
    told = browser.get("/hub/lti13/config", headers={"X-Forwarded-Proto": "https"}).json()
    assert (told["scopes"], told["custom_fields"]) == ([], {"account": "$Canvas.user.sisSourceId"})
    assert told["oidc_initiation_url"] == "https://localhost/hub/lti13/oauth_login"
    assert told["target_link_uri"] == "https://localhost/hub/"
    assert jwt.PyJWK(told["public_jwk"]).key.key_size == 2048
    assert [place["windowTarget"] for one in told["extensions"] for place in one["settings"]["placements"]] == ["_blank"]


def test_the_address_itself_says_where_to_start(browser):
    answer = browser.get("/hub/login", follow_redirects=True)
    refused(browser, answer, "请从教学平台的课程里点开这本书")


def test_a_password_is_no_way_in(browser):
    xsrf = browser.get("/hub/login").cookies.get("_xsrf", "")
    answer = browser.post("/hub/login", data={"username": "20250001", "password": "x", "_xsrf": xsrf})
    assert (answer.status_code >= 400, who(browser)) == (True, None)


def test_keys_that_cannot_be_fetched_are_told(room, platform):
    gone = settings(platform) | {"SOCKSCOPE_LTI_JWKS_URL": f"{platform.base}/gone"}
    with another(room, "away", gone) as browser:
        refused(browser, launch(browser, platform), "教学平台给的登录没有通过")


# ---------------------------------------------------------------- 设置

def test_without_settings_the_hub_asks_for_a_password(room):
    with another(room, "off", {"SOCKSCOPE_LTI_ISSUER": ""}) as browser:
        assert 'name="password"' in browser.get("/hub/login").text
        assert browser.get("/hub/lti13/oauth_login").status_code == 404


def test_on_kubernetes_there_are_no_system_accounts(room, platform):
    """名字照样只从 ``account`` 来，照样不认没有换过的变量。"""
    told = settings(platform) | {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    with another(room, "chart", told) as browser:
        assert launch(browser, platform, "Nobody-here").status_code == 302
        assert who(browser) == "Nobody-here"
        assert browser.get("/hub/admin").status_code == 403
        browser.cookies.clear()
        refused(browser, launch(browser, platform, "$Canvas.user.sisSourceId"), "自定义参数 account", 403)


def test_a_missing_setting_stops_the_hub_with_one_sentence(room, platform):
    told = settings(platform)
    del told["SOCKSCOPE_LTI_CLIENT_ID"], told["SOCKSCOPE_LTI_JWKS_URL"]
    done = subprocess.run(command(room), env=environment(room, told), capture_output=True, text=True)
    assert done.returncode != 0
    assert "还缺 SOCKSCOPE_LTI_CLIENT_ID、SOCKSCOPE_LTI_JWKS_URL" in done.stderr
    assert "Traceback" not in done.stderr
