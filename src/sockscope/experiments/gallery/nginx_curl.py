"""真程序：curl 向 nginx 要网页。"""

from __future__ import annotations

from sockscope.experiments import GALLERY, Choice, experiment
from sockscope.experiments.programs import find_program
from sockscope.live import Network

# user root：以 root 的身份起来时，它要把临时文件夹交给这个用户，而用户命名空间里只有这一个
SETTINGS = """\
user root root;
daemon off; master_process off; pid {folder}pid; error_log stderr crit;
events {{ }}
http {{
    access_log off; server_tokens off;
    client_body_temp_path {folder}body; proxy_temp_path {folder}proxy; fastcgi_temp_path {folder}fastcgi;
    uwsgi_temp_path {folder}uwsgi; scgi_temp_path {folder}scgi;
    server {{ listen 80; location / {{ return 200 "hello\\n"; }} }}
}}
"""


@experiment(
    chapter=GALLERY, title="nginx 与 curl", question="curl 要网页，握几次手，说几句话，谁先 close()？", lossless=True,
    programs=("strace", "nginx", "curl"), compares="packets",
    pages=Choice("一次要几页", {1: "一页", 2: "同一台服务器的两页"}))
def nginx_curl(net: Network, pages: int) -> None:
    settings = net.folder + "nginx.conf"
    with open(settings, "w", encoding="utf-8") as file:
        file.write(SETTINGS.format(folder=net.folder))
    net.server.program(find_program("nginx"), "-p", net.folder, "-c", settings, calls=True)
    net.settle()
    addresses = [f"http://server/{number}" for number in range(1, pages + 1)]
    curl = net.client.program("curl", "-s", "-A", "", "-H", "Accept:", *addresses, calls=True)
    curl.communicate()
    net.settle()
