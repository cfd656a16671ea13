package sdk

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"

	"github.com/rapport/rapport/shared/core/clock"
)

// retry tries until an attempt succeeds, fails for good, or the retryer has enough:
// of attempts, or of its quota for a service that fails again and again.
func (s *Service) retry(ctx context.Context, attempt func(try, most int) error) error {
	most := s.Retryer.MaxAttempts()
	release, err := s.Retryer.GetAttemptToken(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	for try := 1; ; try++ {
		err := attempt(try, most)
		if unreleased := release(err); err == nil || unreleased != nil {
			return errors.Join(err, unreleased)
		}
		if !s.Retryer.IsErrorRetryable(err) {
			return err
		}
		if most > 0 && try >= most {
			return &retry.MaxAttemptsError{Attempt: try, Err: err}
		}
		var refused error
		if release, refused = s.Retryer.GetRetryToken(ctx, err); refused != nil {
			return errors.Join(err, refused)
		}
		wait, refused := s.Retryer.RetryDelay(try, err)
		if refused != nil {
			return errors.Join(err, refused)
		}
		if err := (clock.System{}).Sleep(ctx, wait); err != nil {
			return &smithy.CanceledError{Err: err}
		}
	}
}
