/* 头文件怎么说：每种地址结构体的大小、每个字段的偏移；AF_ 与 PF_ 是同一个数。
 * 用法：sockaddr_layout */
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

_Static_assert(AF_INET == PF_INET, "AF_INET == PF_INET");      /* 不相等就编译不过 */
_Static_assert(AF_INET6 == PF_INET6, "AF_INET6 == PF_INET6");
_Static_assert(AF_UNIX == PF_UNIX, "AF_UNIX == PF_UNIX");
_Static_assert(AF_UNIX == AF_LOCAL, "AF_UNIX == AF_LOCAL");
_Static_assert(INADDR_ANY == 0 && INADDR_LOOPBACK == 0x7f000001, "INADDR_*");

#define SIZE(type) printf("%s %zu\n", #type, sizeof(struct type))
#define OFFSET(type, field) printf("%s.%s %zu\n", #type, #field, offsetof(struct type, field))

int main(void)
{
    SIZE(sockaddr); SIZE(sockaddr_in); SIZE(sockaddr_in6); SIZE(sockaddr_un); SIZE(sockaddr_storage);
    OFFSET(sockaddr_in, sin_port); OFFSET(sockaddr_in, sin_addr); OFFSET(sockaddr_in, sin_zero);
    OFFSET(sockaddr_in6, sin6_flowinfo); OFFSET(sockaddr_in6, sin6_addr); OFFSET(sockaddr_in6, sin6_scope_id);
    OFFSET(sockaddr_un, sun_path);
    return 0;
}
