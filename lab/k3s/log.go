package main

import (
	"fmt"
	"os"
	"time"
)

// logf writes one line in the form k3s's own log has (time, level, msg), so that readers of logs meet the same shape.
func logf(level, format string, args ...any) {
	fmt.Fprintf(os.Stderr, "time=%q level=%s msg=%q\n", time.Now().UTC().Format(time.RFC3339), level, fmt.Sprintf(format, args...))
}
