package runner

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"github.com/rapport/rapport/infra/local/streams"
	"github.com/rapport/rapport/infra/local/tables"
	"github.com/rapport/rapport/shared/testkit/engine"
)

// startEngine starts what holds the tables, and makes those of the templates.
func (r *Runner) startEngine(ctx context.Context, root string) error {
	dir, err := r.tablesDir()
	if err != nil {
		return err
	}
	r.Engine, err = engine.Start(ctx, engine.Options{
		Kind: r.config.Engine, Endpoint: r.config.Endpoint, Dir: dir, Root: root,
	})
	if err != nil {
		return err
	}
	ending := make(chan struct{})
	r.ends.push("table engine", 2*time.Second, func(context.Context) error {
		close(ending)
		return r.Engine.Stop()
	})
	go r.watchEngine(ending)
	return tables.Create(ctx, r.Engine.Client(), r.Stack.Tables)
}

// tablesDir is the engine's folder, prepared. Dynoxide has one also where
// nothing is kept, because its database must be laid down before it starts; it
// goes with the runner.
func (r *Runner) tablesDir() (string, error) {
	dir, err := r.config.dir("tables")
	if err != nil || r.config.Engine != engine.Dynoxide || r.config.Endpoint != "" {
		return dir, err
	}
	if dir == "" {
		if dir, err = os.MkdirTemp("", "rapport-tables-"); err != nil {
			return "", fmt.Errorf("folder for the tables: %w", err)
		}
		r.ends.push("folder of the tables", time.Second, func(context.Context) error { return os.RemoveAll(dir) })
	}
	return dir, tables.Prepare(dir)
}

// watchEngine reports an engine that ends although nobody is ending it.
func (r *Runner) watchEngine(ending <-chan struct{}) {
	select {
	case <-ending:
		return
	case <-r.Engine.Done():
	}
	select {
	case <-ending:
	default:
		r.fail(fmt.Errorf("the table engine ended by itself; its last words:\n%s", r.Engine.LastWords()))
	}
}

// startBackground starts what runs without being called: the stream readers, the
// pollers of queues, the schedules and the sweeper of expired items.
func (r *Runner) startBackground(ctx context.Context) error {
	dir, err := r.config.dir("")
	if err != nil {
		return err
	}
	client := r.Engine.Client()
	sweeper := tables.NewSweeper(client, r.Stack.Tables, r.clock, r.log)
	readers, err := streams.Start(ctx, streams.Config{
		Stack: r.Stack, Tables: client, Streams: r.streamClient(), Invoker: measured{r.Functions, r.metrics},
		Expired: sweeper.Expired, Dir: dir, Clock: r.clock, Log: r.log,
		Hop: r.profile.hop(), Faults: r.faults,
	})
	if err != nil {
		return fmt.Errorf("stream readers: %w", err)
	}
	r.readers.Store(readers)
	r.ends.push("stream readers", time.Second, func(context.Context) error {
		readers.Close()
		return nil
	})

	r.startPollers(ctx)
	if err := r.startSchedules(ctx); err != nil {
		return err
	}

	sweeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() { sweeper.Run(sweeping) })
	r.ends.push("sweeper", time.Second, func(context.Context) error {
		stop()
		done.Wait()
		return nil
	})
	return nil
}

func (r *Runner) streamClient() *dynamodbstreams.Client {
	return dynamodbstreams.New(dynamodbstreams.Options{
		Region: region, BaseEndpoint: aws.String(r.Engine.Endpoint),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

// wake tells the stream readers that a function has run and may have written.
func (r *Runner) wake() {
	if readers := r.readers.Load(); readers != nil {
		readers.Wake()
	}
}
