package endpoint

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/rapport/rapport/shared/core/config"
)

// Serve runs one function as a Lambda: it opens the domain from the process's
// environment and then answers events until AWS ends the process. A function
// that can't be opened ends with a log line that says what is missing.
func Serve[S any](open Open[S], fn Function[S]) {
	app, err := open(context.Background(), fn.Declaration, config.Process(), Overrides{})
	if err != nil {
		slog.New(slog.NewJSONHandler(os.Stderr, nil)).Error("open", "error", err.Error())
		os.Exit(1)
	}
	name := os.Getenv("AWS_LAMBDA_FUNCTION_NAME")
	if name == "" {
		name = filepath.Base(os.Args[0])
	}
	lambda.Start(fn.instance(name, app))
}
