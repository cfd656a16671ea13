// Command mirror is a function for tests: MODE says what it does.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

func main() {
	switch os.Getenv("MODE") {
	case "gone":
		os.Stderr.WriteString("NAME is missing\n")
		os.Exit(1)
	case "mirror":
		lambda.Start(mirror)
	case "error":
		lambda.Start(func() error { return errors.New("boom") })
	case "panic":
		lambda.Start(func() { panic("boom") })
	case "slow":
		lambda.Start(func() { time.Sleep(time.Minute) })
	}
}

func mirror(ctx context.Context, event json.RawMessage) (any, error) {
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	os.Stdout.WriteString("{\"msg\":\"call\"}\n")
	return map[string]any{
		"event": event, "requestId": lc.AwsRequestID, "arn": lc.InvokedFunctionArn,
		"left": time.Until(deadline) > 0, "environment": len(os.Environ()), "home": os.Getenv("HOME"),
	}, nil
}
