#!/usr/bin/env python3
"""The lab's web server: an apt repository, and k3s releases laid out as the real download site lays them out.

    /download/v1.36.4%2Bk3s1/k3s               the stand-in, with the asked-for version as a last line, so that versions differ
    /download/v1.36.4%2Bk3s1/sha256sum-amd64.txt
    /debian/TREE/repo/Packages

Any path may be put behind faults, and so may a mirror's base address:

    /break/BYTES/…    every answer ends after BYTES of its body, the connection with it; a client that resumes gets on
    /slow/RATE/…      RATE bytes a second
    /corrupt/…        the first byte of every k3s binary is wrong; the checksums are of the right one
    /status/CODE/…    this status and nothing else

On the same address it is a name server that knows no name, and says so at once: a look-up in a host fails without waiting.

It ends when the lab's directory is gone, and after a day in any case.
"""

import argparse
import functools
import hashlib
import http.server
import os
import pathlib
import re
import socket
import threading
import time
import urllib.parse

LIFETIME_SECONDS = 24 * 3600
RELEASE = re.compile(r"/download/(v[0-9][0-9A-Za-z.+-]*)/([a-z0-9.-]+)")
BINARIES = {"k3s": "amd64", "k3s-arm64": "arm64"}


@functools.lru_cache(maxsize=16)
def stamped(binary: pathlib.Path, modified: float, version: str) -> bytes:
    """The stand-in for one release: behind an executable's own bytes anything may follow. `modified` keeps the cache true."""
    own = binary.with_name(f"{binary.name}@{version}")
    if own.exists():
        return own.read_bytes()
    return binary.read_bytes() + f"\ncoracle-lab-version={version}\n".encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bin: pathlib.Path
    debian: pathlib.Path

    def do_GET(self) -> None:
        self.answer(body=True)

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def answer(self, body: bool) -> None:
        path = urllib.parse.unquote(self.path.split("?")[0])
        path, faults = peel(path)
        if "status" in faults:
            return self.refuse(faults["status"])
        content = self.content(path, corrupt="corrupt" in faults)
        if content is None:
            return self.refuse(404)
        first = self.first_byte(len(content))
        if first is None:
            return self.refuse(416)
        self.send_response(206 if first else 200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(content) - first))
        self.send_header("Accept-Ranges", "bytes")
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if body:
            self.send(memoryview(content)[first:], faults)

    def content(self, path: str, corrupt: bool) -> bytes | None:
        if release := RELEASE.fullmatch(path):
            return self.release(release[1], release[2], corrupt)
        file = (self.debian / path.removeprefix("/debian/")).resolve()
        inside = path.startswith("/debian/") and file.is_relative_to(self.debian) and file.parent.name == "repo"
        return file.read_bytes() if inside and file.is_file() else None

    def release(self, version: str, name: str, corrupt: bool) -> bytes | None:
        if name in BINARIES:
            binary = self.binary(version)
            return b"\0" + binary[1:] if binary and corrupt else binary
        listed = [file for file, arch in BINARIES.items() if name == f"sha256sum-{arch}.txt"]
        if not listed or not (binary := self.binary(version)):
            return None
        return f"{hashlib.sha256(binary).hexdigest()}  {listed[0]}\n".encode()

    def binary(self, version: str) -> bytes | None:
        binary = self.bin / "k3s-standin"
        return stamped(binary, binary.stat().st_mtime, version) if binary.exists() else None

    def first_byte(self, length: int) -> int | None:
        asked = re.fullmatch(r"bytes=(\d+)-(?:\d+)?", self.headers.get("Range", ""))
        first = int(asked[1]) if asked else 0
        return first if first < length or length == first == 0 else None

    def send(self, content: memoryview, faults: dict[str, int]) -> None:
        whole = len(content)
        content = content[: faults.get("break", whole)]
        piece = max(1, faults["slow"] // 10) if "slow" in faults else 1 << 20
        for start in range(0, len(content), piece):
            self.wfile.write(content[start : start + piece])
            if "slow" in faults:
                time.sleep(0.1)
        self.close_connection = self.close_connection or len(content) < whole

    def refuse(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


def peel(path: str) -> tuple[str, dict[str, int]]:
    """Takes the faults off the front of a path."""
    faults = {}
    while match := re.match(r"/(?:(break|slow|status)/(\d+)|(corrupt))(?=/)", path):
        faults[match[1] or match[3]] = int(match[2] or 1)
        path = path[match.end() :]
    return path, faults


def know_no_name(address: str) -> None:
    """Answers every DNS question with NXDOMAIN: the question again, with the bits for response, recursion and code 3."""
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind((address, 53))
    while True:
        question, asker = names.recvfrom(512)
        if len(question) >= 12:
            end = question.find(b"\0", 12) + 5
            names.sendto(question[:2] + b"\x81\x83" + question[4:6] + bytes(6) + question[12:end], asker)


def watch(directory: pathlib.Path) -> None:
    deadline = time.monotonic() + LIFETIME_SECONDS
    while directory.exists() and time.monotonic() < deadline:
        time.sleep(5)
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--debian", type=pathlib.Path, required=True)
    parser.add_argument("--while-exists", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    Handler.bin, Handler.debian = arguments.bin.resolve(), arguments.debian.resolve()
    threading.Thread(target=watch, args=[arguments.while_exists], daemon=True).start()
    threading.Thread(target=know_no_name, args=[arguments.address], daemon=True).start()
    http.server.ThreadingHTTPServer((arguments.address, arguments.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
