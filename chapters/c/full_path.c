/* sun_path 的 108 个字节全部用来写路径，一个 NUL 也不留：内核收不收？再多报一个字节呢？
 * 用法：full_path 恰好 108 个字节的路径 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
    struct sockaddr_un here = {.sun_family = AF_UNIX};
    if (argc != 2 || strlen(argv[1]) != sizeof here.sun_path) { fprintf(stderr, "路径要恰好 108 个字节\n"); return 2; }
    memcpy(here.sun_path, argv[1], sizeof here.sun_path);  /* 没有结尾的 NUL */

    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    puts(bind(fd, (struct sockaddr *)&here, sizeof here) == 0 ? "108 ok" : "108 refused");

    char room[sizeof here + 1] = {0};
    memcpy(room, &here, sizeof here);
    int other = socket(AF_UNIX, SOCK_STREAM, 0);
    int longer = bind(other, (struct sockaddr *)room, sizeof room);
    printf("109 %s\n", longer < 0 && errno == EINVAL ? "EINVAL" : "other");
    close(fd);
    close(other);
    return 0;
}
