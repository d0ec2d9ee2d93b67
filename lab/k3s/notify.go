package main

import (
	"net"
	"os"
)

// notify tells systemd (Type=notify) what it waits for; without a socket nobody waits.
func notify(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	connection, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		logf("warning", "cannot tell the service manager %s: %v", state, err)
		return
	}
	defer connection.Close()
	if _, err := connection.Write([]byte(state + "\n")); err != nil {
		logf("warning", "cannot tell the service manager %s: %v", state, err)
	}
}
