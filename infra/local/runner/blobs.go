package runner

import (
	"context"
	"fmt"
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
	r.blobs = r.calls.Blobs(store.Handler())
	r.at.blobs, err = r.serveNear(ctx, "blobs' door", r.blobs)
	return err
}
