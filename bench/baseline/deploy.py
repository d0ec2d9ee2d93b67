"""The baseline as a pyinfra deploy."""

from pyinfra import host
from pyinfra.operations import files, server, systemd

for path in host.data.directories:
    files.directory(name=path, path=path, user="root", group="root", mode="755")
for file in host.data.files:
    files.put(
        name=file["path"],
        src=host.data.files_root + file["path"],
        dest=file["path"],
        user=file["owner"],
        group=file["group"],
        mode=file["mode"].lstrip("0"),
    )
for key, value in host.data.sysctls:
    server.sysctl(name=key, key=key, value=value, persist=True, persist_file="/etc/sysctl.d/91-harbor.conf")
for service in host.data.services:
    systemd.service(name=service["name"], service=service["name"], running=service["on"], enabled=service["on"])
