package runner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// freePortTries is how often another free port is tried when the one that was
// found is taken on the other loopback address.
const freePortTries = 10

// listeners are one port, open on both loopback addresses where the machine has
// both: `localhost` may mean either.
type listeners struct {
	port int
	open []net.Listener
}

// listenBoth listens on a port; 0 is any free one.
func listenBoth(ctx context.Context, port int, variable string) (*listeners, error) {
	for try := 1; ; try++ {
		l, err := tryListen(ctx, port, variable)
		if err == nil || port != 0 || try == freePortTries {
			return l, err
		}
	}
}

func tryListen(ctx context.Context, port int, variable string) (*listeners, error) {
	var config net.ListenConfig
	listen := func(network, host string) (net.Listener, error) {
		address := net.JoinHostPort(host, strconv.Itoa(port))
		listener, err := config.Listen(ctx, network, address)
		if err != nil {
			return nil, &PortTaken{Address: address, Variable: variable, Err: err}
		}
		return listener, nil
	}
	first, err := listen("tcp4", "127.0.0.1")
	if err != nil {
		return nil, err
	}
	port = first.Addr().(*net.TCPAddr).Port
	second, err := listen("tcp6", "::1")
	switch {
	case err == nil:
		return &listeners{port: port, open: []net.Listener{first, second}}, nil
	case errors.Is(err, syscall.EADDRINUSE):
		// Browsers would reach the other program under `localhost`.
		return nil, errors.Join(err, first.Close())
	default:
		// The machine has no IPv6.
		return &listeners{port: port, open: []net.Listener{first}}, nil
	}
}

// close closes listeners that no server has taken over.
func (l *listeners) close() error {
	var errs []error
	for _, listener := range l.open {
		if err := listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, fmt.Errorf("close %s: %w", listener.Addr(), err))
		}
	}
	return errors.Join(errs...)
}
