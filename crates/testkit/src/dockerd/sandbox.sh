# Process 1 of the namespaces that a private dockerd lives in: `sandbox DIR CGROUP FLAG…`.
# Each line on standard input starts dockerd with the flags. The end of standard input, which also comes when the
# test is killed, ends every process in here and removes what they made outside.
dir=$1 cgroup=$2
shift 2

# Hides the machine's /run from dockerd, and what dockerd leaves in its own from the machine.
mount -t tmpfs tmpfs /run || exit 1
mount -t tmpfs tmpfs "$dir/data" || exit 1
ip link set lo up || exit 1

while read -r _; do
    rm -f /run/docker.pid /run/docker/containerd/containerd.pid
    dockerd "$@" &
done

# A process in a frozen cgroup (v1) does not die before it is thawed; one that was just being forked is met by the
# next round.
for _ in {1..500}; do
    kill -KILL -- -1 2>/dev/null || break
    for state in /sys/fs/cgroup/freezer"$cgroup"/*/freezer.state; do
        [ -e "$state" ] && echo THAWED >"$state"
    done
    sleep 0.01
done
for group in /sys/fs/cgroup/*"$cgroup" /sys/fs/cgroup"$cgroup"; do
    [ -d "$group" ] && find "$group" -depth -type d -exec rmdir {} \;
done
umount --lazy "$dir/data"
# What somebody outside, who is just being killed too, still writes there is met by the next round.
for _ in {1..100}; do
    rm -rf --one-file-system "$dir" && break
    sleep 0.1
done
