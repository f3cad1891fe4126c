"""练习 14 的约定：几个常数，和用 C 答时的原型。"""

from __future__ import annotations

from sockscope.grading.exam.c_answer import InC

__all__ = ["BASE", "CAP", "CONNECT", "HOLD", "IN_C", "ROUNDS"]

CONNECT, ROUNDS, BASE, CAP, HOLD = 1.5, 10, 0.05, 0.4, 262_144

ADAPTER = """
{name}_in_c = native("{name}", ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_double)
def {name}({first}, backends, desk, idle):
    family = struct.pack("=H", socket.AF_INET)
    row = b"".join(family + struct.pack("!H4s8x", port, socket.inet_aton(host)) for host, port in backends)
    if {name}_in_c({first}.detach(), row, len(backends), desk.detach(), idle) < 0:
        raise failure()
"""

IN_C = InC(f"""\
#include <netinet/in.h>
#include <stddef.h>

#define CONNECT {CONNECT}
#define ROUNDS {ROUNDS}
#define BASE {BASE}
#define CAP {CAP}
#define HOLD {HOLD}

/* backends 有 count 个；给它的三种描述符由它来关。做完返回 0；做不了返回 -1，errno 照旧 */
int proxy(int listener, const struct sockaddr_in *backends, size_t count, int desk, double idle);
int take_over(int old, const struct sockaddr_in *backends, size_t count, int desk, double idle);
""", {"proxy": ADAPTER.format(name="proxy", first="listener"), "take_over": ADAPTER.format(name="take_over", first="old")})
