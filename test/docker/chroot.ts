/** Commands in a root folder, each as the first process of its own process and mount namespaces. Needs to be root. */

export interface Inside {
  readonly root: string;
  /** All of it: nothing of this process's own goes in. */
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  /** `uid:gid` */
  readonly user: string;
  /** Folders of this machine by their place in the root, such as `/data`. */
  readonly volumes?: Readonly<Record<string, string>>;
  /** Nothing outside volumes and /tmp can be written. */
  readonly readOnly?: boolean;
}

/** Mounts vanish with the namespace. The root is bound to itself so that making it read-only touches no other mount. */
const script = `set -e
root=$1 read_only=$2 user=$3 directory=$4; shift 4
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
while [ "$1" != -- ]; do mount --bind "$1" "$root$2"; shift 2; done; shift
if [ "$read_only" = true ]; then
  mount -t tmpfs tmpfs "$root/tmp"
  mount -o remount,bind,ro "$root"
fi
variables=$1; shift
exec env -i --split-string "$variables" chroot --userspec="$user" "$root" /bin/sh -c 'cd "$0" && exec "$@"' "$directory" "$@"`;

/** Program and arguments that run `words` inside. The command is the only child of the program's process. */
export function enter(inside: Inside, words: readonly string[]): { program: string; words: string[] } {
  const { root, environment, workingDirectory, user, volumes = {}, readOnly = false } = inside;
  const variables = Object.entries(environment)
    .map(([key, value]) => quoted(`${key}=${value}`))
    .join(' ');
  const mounts = Object.entries(volumes).flatMap(([place, folder]) => [folder, place]);
  return {
    program: 'unshare',
    words: [
      ...['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', script, 'sh'],
      ...[root, String(readOnly), user, workingDirectory, ...mounts, '--', variables, ...words],
    ],
  };
}

/** For env's --split-string, in which backslash, quotes and $ mean something. */
function quoted(text: string): string {
  return `"${text.replace(/[\\"$]/g, (mark) => `\\${mark}`)}"`;
}
