package main

import (
	"context"
	"errors"
	"net"
	"strconv"
)

func isTimeout(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
