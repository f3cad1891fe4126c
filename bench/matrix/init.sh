#!/bin/busybox sh
# 虚拟机的第一个进程：这台机器的文件（只读）上盖一层内存，换到里面去，运行 guest.sh，关机。
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
while read -r module; do insmod "/mod/$module"; done < /mod/order
share() { mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000,$3" "$1" "$2" || { echo "9p: $1"; poweroff -f; }; }
share host /lower cache=loose,ro
mount -t tmpfs -o size=75% tmpfs /above && mkdir /above/upper /above/work
mount -t overlay -o lowerdir=/lower,upperdir=/above/upper,workdir=/above/work overlay /new || { echo overlay; poweroff -f; }
mkdir -p /new/out && share out /new/out rw
for kept in proc sys dev; do mount --move /$kept /new/$kept; done
mkdir -p /new/dev/shm /new/dev/pts
for fresh in run dev/shm; do mount -t tmpfs tmpfs /new/$fresh; done
mount -t devpts devpts /new/dev/pts
chmod 1777 /new/dev/shm  # /tmp 照旧：仓库也许就在里面，写的反正只到内存那一层
ifconfig lo 127.0.0.1 up
exec switch_root /new /bin/sh /out/guest.sh
