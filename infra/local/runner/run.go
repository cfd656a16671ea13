package runner

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/rapport/rapport/infra/local/dev"
	"github.com/rapport/rapport/infra/local/gateway"
	"github.com/rapport/rapport/infra/local/pool"
	"github.com/rapport/rapport/infra/local/schedules"
)

// RunRequest names a scheduled function by its folder.
type RunRequest struct {
	Function string `json:"function"`
}

// scheduled runs functions that have a schedule.
type scheduled interface {
	Run(ctx context.Context, folder string) ([]byte, error)
}

// withRun serves POST /dev/run, which runs a scheduled function now and answers
// with its result, and all else as before.
func withRun(functions scheduled, log *slog.Logger, others http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/dev/run", dev.Only(http.MethodPost, func(w http.ResponseWriter, r *http.Request) {
		var in RunRequest
		if !dev.Read(w, r, &in) {
			return
		}
		if in.Function == "" {
			dev.Refuse(w, "body.function", "must be the name of a function, such as notes/trim")
			return
		}
		answer, err := functions.Run(r.Context(), in.Function)
		_, throttled := errors.AsType[*pool.Throttled](err)
		switch {
		case errors.Is(err, schedules.ErrNoSchedule):
			gateway.WriteProblem(w, http.StatusNotFound, "NOT_FOUND", "There is no function of that name that has a schedule.")
		case throttled:
			gateway.WriteProblem(w, http.StatusTooManyRequests, "RATE_LIMITED", "The function is running as often as it may.")
		case err != nil:
			log.Error("run", "function", in.Function, "error", err.Error())
			gateway.WriteProblem(w, http.StatusInternalServerError, "INTERNAL", "The function failed; the log says why.")
		default:
			write(w, r, "application/json", answer)
		}
	}))
	mux.Handle("/", others)
	return mux
}
