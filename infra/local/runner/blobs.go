package runner

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/rapport/rapport/shared/testkit/blobs"
)

// startBlobs makes the templates' buckets, behind the steps that stand before
// everything that functions call.
func (r *Runner) startBlobs(ctx context.Context) error {
	dir, err := r.config.dir("blobs")
	if err != nil {
		return err
	}
	if dir == "" {
		if dir, err = os.MkdirTemp("", "rapport-blobs-"); err != nil {
			return fmt.Errorf("folder for the blobs: %w", err)
		}
		r.ends.push("folder of the blobs", time.Second, func(context.Context) error { return os.RemoveAll(dir) })
	}
	names := make([]string, len(r.Stack.Buckets))
	for i, bucket := range r.Stack.Buckets {
		names[i] = bucket.Name
	}
	store, err := blobs.Open(dir, names...)
	if err != nil {
		return fmt.Errorf("blobs: %w", err)
	}
	r.blobs = r.proxy.Blobs(store.Handler())
	return r.serveBlobs(ctx)
}

// serveBlobs opens a port for whoever follows a signed link. The functions' own
// calls stay in this process.
func (r *Runner) serveBlobs(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for blobs: %w", err)
	}
	r.at.blobs = loopback(listener.Addr().(*net.TCPAddr).Port)
	r.serve("blobs", &listeners{open: []net.Listener{listener}}, r.blobs)
	return nil
}
