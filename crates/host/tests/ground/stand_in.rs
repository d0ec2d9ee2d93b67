//! Stand-ins for what needs a real system: services, packages, modules, downloads. They keep their state in the tree,
//! in `fake/`, so that a case can set it and a step can change it.

/// Every stand-in: name and script. `$ROOT` is the tree.
pub const TOOLS: &[(&str, &str)] = &[
    ("systemctl", SYSTEMCTL),
    ("rc-service", RC_SERVICE),
    ("rc-update", RC_UPDATE),
    ("dpkg-query", DPKG_QUERY),
    ("apt-get", ADD),
    ("apk", APK),
    ("modprobe", MODPROBE),
    ("curl", CURL),
];

/// `fake/units/NAME` holds two words: enabled, active.
const SYSTEMCTL: &str = r#"
verb='' units=''
while [ $# -gt 0 ]; do
	case $1 in
	-p) shift ;;
	-*) ;;
	*) if [ -z "$verb" ]; then verb=$1; else units="$units ${1%.service}"; fi ;;
	esac
	shift
done
for unit in $units; do
	file=$ROOT/fake/units/$unit enabled='' active=''
	[ ! -f "$file" ] || read -r enabled active <"$file"
	case $verb in
	show)
		if [ -z "$enabled" ]; then printf 'LoadState=not-found\nActiveState=inactive\nUnitFileState=\n\n'; else
			case $enabled in 1) enabled=enabled ;; *) enabled=disabled ;; esac
			case $active in 1) active=active ;; *) active=inactive ;; esac
			printf 'LoadState=loaded\nActiveState=%s\nUnitFileState=%s\nNeedDaemonReload=no\n\n' $active $enabled
		fi
		continue
		;;
	is-enabled)
		case $enabled in 1) echo enabled ;; 0) echo disabled ;; esac
		continue
		;;
	esac
	[ -n "$enabled" ] || { echo "Unit $unit.service not found." >&2; exit 5; }
	case $verb in
	enable) enabled=1 ;;
	disable) enabled=0 ;;
	start | restart | reload-or-restart) active=1 ;;
	stop) active=0 ;;
	esac
	echo "$verb $unit" >>"$ROOT/fake/log"
	echo "$enabled $active" >"$file"
done
"#;

const RC_SERVICE: &str = r#"
[ -x "$ROOT/etc/init.d/$1" ] || { echo "rc-service: service $1 does not exist" >&2; exit 1; }
echo "$2 $1" >>"$ROOT/fake/log"
mkdir -p "$ROOT/run/openrc/started"
case $2 in
start | restart | reload) ln -sf "/etc/init.d/$1" "$ROOT/run/openrc/started/$1" ;;
stop) rm -f "$ROOT/run/openrc/started/$1" ;;
esac
"#;

const RC_UPDATE: &str = r#"
while :; do case $1 in -*) shift ;; *) break ;; esac; done
mkdir -p "$ROOT/etc/runlevels/default"
case $1 in
add) ln -sf "/etc/init.d/$2" "$ROOT/etc/runlevels/default/$2" ;;
del) rm -f "$ROOT"/etc/runlevels/*/"$2" ;;
esac
"#;

/// `fake/packages/NAME` is installed, `fake/available/NAME` is to be had.
const DPKG_QUERY: &str = r#"
while [ "$1" != -- ]; do shift; done
shift
for name; do
	if [ -f "$ROOT/fake/packages/$name" ]; then echo "installed $name"; else echo "dpkg-query: no packages found matching $name" >&2; fi
done
"#;

const ADD: &str = r#"
verb=''
while [ $# -gt 0 ]; do
	case $1 in
	-o) shift ;;
	-*) ;;
	install | add) verb=add ;;
	update) exit 0 ;;
	[0-9]*) ;;
	*)
		[ -f "$ROOT/fake/available/$1" ] || [ -f "$ROOT/fake/packages/$1" ] || { echo "E: Unable to locate package $1" >&2; exit 100; }
		mkdir -p "$ROOT/fake/packages"
		: >"$ROOT/fake/packages/$1"
		;;
	esac
	shift
done
"#;

const APK: &str = r#"
if [ "$1" = info ]; then
	shift 3
	for name; do [ ! -f "$ROOT/fake/packages/$name" ] || echo "$name"; done
	exit 0
fi
exec apt-get "$@"
"#;

const MODPROBE: &str = r#"
[ -e "$ROOT/fake/modules/$1" ] || { echo "modprobe: FATAL: Module $1 not found in directory /lib/modules" >&2; exit 1; }
mkdir -p "$ROOT/sys/module/$1"
"#;

/// Goes on with what is there, as `-C -` does.
const CURL: &str = r#"
out='' url=''
while [ $# -gt 0 ]; do
	case $1 in
	-o) out=$2; shift ;;
	-*) ;;
	*) url=$1 ;;
	esac
	shift
done
from=$ROOT/fake/web/${url##*/}
[ -f "$from" ] || { echo "curl: (22) The requested URL returned error: 404" >&2; exit 22; }
had=0
[ ! -f "$out" ] || had=$(wc -c <"$out")
tail -c +$((had + 1)) "$from" >>"$out"
"#;
