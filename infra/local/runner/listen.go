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

// entrance is one port, open on both loopback addresses where the machine has
// both: `localhost` may mean either.
type entrance struct {
	port      int
	listeners []net.Listener
}

// open listens on a port; 0 is any free one.
func open(ctx context.Context, port int, variable string) (*entrance, error) {
	for try := 1; ; try++ {
		d, err := openOnce(ctx, port, variable)
		if err == nil || port != 0 || try == freePortTries {
			return d, err
		}
	}
}

func openOnce(ctx context.Context, port int, variable string) (*entrance, error) {
	var config net.ListenConfig
	listen := func(network, host string) (net.Listener, error) {
		address := net.JoinHostPort(host, strconv.Itoa(port))
		l, err := config.Listen(ctx, network, address)
		if err != nil {
			return nil, &PortTaken{Address: address, Variable: variable, Err: err}
		}
		return l, nil
	}
	first, err := listen("tcp4", "127.0.0.1")
	if err != nil {
		return nil, err
	}
	port = first.Addr().(*net.TCPAddr).Port
	second, err := listen("tcp6", "::1")
	switch {
	case err == nil:
		return &entrance{port: port, listeners: []net.Listener{first, second}}, nil
	case errors.Is(err, syscall.EADDRINUSE):
		// Browsers would reach the other program under `localhost`.
		return nil, errors.Join(err, first.Close())
	default:
		// The machine has no IPv6.
		return &entrance{port: port, listeners: []net.Listener{first}}, nil
	}
}

// close shuts an entrance that no server has taken over.
func (d *entrance) close() error {
	var errs []error
	for _, l := range d.listeners {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, fmt.Errorf("close %s: %w", l.Addr(), err))
		}
	}
	return errors.Join(errs...)
}
