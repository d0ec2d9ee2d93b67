"""The baseline: thirty small resources a host that install nothing and restart nothing.

The one place where they are written; each contestant's own file is made from it in its own terms.
"""

DIRECTORIES = ["/etc/harbor", "/etc/harbor/conf.d", "/opt/harbor", "/srv/harbor"]

# Path, mode, owner, group.
FILES = [
    *[(f"/etc/harbor/conf.d/{number:02}-part.conf", "0644", "root", "root") for number in range(10)],
    ("/etc/harbor/harbor.conf", "0644", "root", "root"),
    ("/etc/harbor/private.conf", "0600", "root", "root"),
    ("/etc/harbor/readers.conf", "0640", "root", "adm"),
    ("/opt/harbor/report", "0755", "root", "root"),
    ("/opt/harbor/sweep", "0750", "root", "adm"),
    ("/srv/harbor/index.html", "0644", "nobody", "nogroup"),
    ("/srv/harbor/robots.txt", "0644", "nobody", "nogroup"),
    ("/etc/cron.d/harbor", "0644", "root", "root"),
]

# Of the network, for a lab host has a network of its own but no kernel of its own. Key, value, the kernel's usual value.
SYSCTLS = [
    ("net.ipv4.tcp_keepalive_time", "600", "7200"),
    ("net.ipv4.tcp_fin_timeout", "30", "60"),
    ("net.ipv4.tcp_syn_retries", "5", "6"),
    ("net.ipv4.conf.default.send_redirects", "0", "1"),
]

# Unit, whether it is on: enabled and running, or neither. The last two are on by default.
SERVICES = [("cron", True), ("nftables", False), ("logrotate.timer", False), ("systemd-pstore", False)]


def content(path):
    """A few lines that only this file has."""
    if path == "/etc/cron.d/harbor":
        return "0 5 * * 0 root /opt/harbor/sweep\n"
    if path.startswith("/opt/"):
        return f"#!/bin/sh\n# {path}\nexit 0\n"
    return "".join(f"# {path}, line {line}: what a small piece of configuration holds\n" for line in range(12))


# Away with it, as it was before. What a tool remembers of its own work is given back by `hosts`.
RESET = "\n".join(
    [
        "rm -rf /etc/harbor /opt/harbor /srv/harbor /etc/cron.d/harbor /etc/sysctl.d/91-*",
        *[f"sysctl -q -w {key}={usual}" for key, _, usual in SYSCTLS],
        "systemctl -q enable --now logrotate.timer",
        "systemctl -q enable systemd-pstore",
        "systemctl -q enable --now cron",
    ]
)

# The state that all contestants must reach, in words that do not depend on who brought it about.
STATE = "\n".join(
    [
        f"stat -c '%n %F %a %U %G' {' '.join(DIRECTORIES)}",
        f"stat -c '%n %F %a %U %G %s' {' '.join(path for path, *_ in FILES)}",
        f"sha256sum {' '.join(path for path, *_ in FILES)}",
        f"sysctl {' '.join(key for key, *_ in SYSCTLS)}",
        "cat /etc/sysctl.d/*.conf | grep -v '^#' | grep -F "
        + " ".join(f"-e {key}" for key, *_ in SYSCTLS)
        + " | tr -d ' ' | sort",
        *[f"echo {name} $(systemctl is-enabled {name}) $(systemctl is-active {name})" for name, _ in SERVICES],
        "find /etc/harbor /opt/harbor /srv/harbor | sort",
    ]
)


def coracle():
    """The `os` section of a cluster file."""
    lines = ["  os:", "    files:"]
    for path, mode, owner, group in FILES:
        lines += [f"      - path: {path}", f'        mode: "{mode}"', f"        owner: {owner}", f"        group: {group}"]
        lines += ["        content: |", *[f"          {line}" for line in content(path).splitlines()]]
    lines += ["    sysctls:", *[f'      {key}: "{value}"' for key, value, _ in SYSCTLS]]
    lines.append("    services:")
    for name, on in SERVICES:
        lines.append(f"      - {{name: {name}, enabled: {str(on).lower()}, running: {str(on).lower()}}}")
    return "\n".join(lines) + "\n"


def write_files(under):
    """The files themselves, for contestants that copy."""
    for path, *_ in FILES:
        at = under / path.lstrip("/")
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(content(path))
    (under / "sysctl.conf").write_text("".join(f"{key} = {value}\n" for key, value, _ in SYSCTLS))
