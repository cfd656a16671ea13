package runner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// step ends one part of the runner within a bound of its own.
type step struct {
	name   string
	within time.Duration
	end    func(context.Context) error
}

// steps end the parts that have been started, the last first: a part may need those
// that were started before it.
type steps []step

func (s *steps) push(name string, within time.Duration, end func(context.Context) error) {
	*s = append(*s, step{name, within, end})
}

// run ends everything, also after one has failed, and forgets it.
func (s *steps) run(ctx context.Context) error {
	var errs []error
	for i := len(*s) - 1; i >= 0; i-- {
		step := (*s)[i]
		bounded, cancel := context.WithTimeout(ctx, step.within)
		if err := step.end(bounded); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", step.name, err))
		}
		cancel()
	}
	*s = nil
	return errors.Join(errs...)
}

// shut ends a server: it lets requests finish, then cuts them.
func shut(server *http.Server) func(context.Context) error {
	return func(ctx context.Context) error {
		err := server.Shutdown(ctx)
		if err == nil {
			return nil
		}
		return errors.Join(fmt.Errorf("requests are still under way: %w", err), server.Close())
	}
}
