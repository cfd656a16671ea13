package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi/types"
	"github.com/coder/websocket"
)

// management is AWS's own client of @connections, without retries.
func management(url string) *apigatewaymanagementapi.Client {
	return apigatewaymanagementapi.New(apigatewaymanagementapi.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(url), Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
	})
}

func post(ctx context.Context, api *apigatewaymanagementapi.Client, id, frame string) error {
	_, err := api.PostToConnection(ctx, &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: aws.String(id), Data: []byte(frame)})
	return err
}

func TestConnectionsThroughAWSsOwnClient(t *testing.T) {
	for _, base := range []string{"", "/stage"} {
		t.Run("base "+base, func(t *testing.T) {
			f := serveSockets(t, SocketLimits{}, &functions{})
			api := management(f.url + base)
			conn, id := f.dial(nil)

			if err := post(t.Context(), api, id, `{"type":"pong"}`); err != nil {
				t.Fatal(err)
			}
			if got := f.receive(conn); got != `{"type":"pong"}` {
				t.Errorf("received %s", got)
			}
			info, err := api.GetConnection(t.Context(), &apigatewaymanagementapi.GetConnectionInput{ConnectionId: aws.String(id)})
			if err != nil {
				t.Fatal(err)
			}
			if info.ConnectedAt.IsZero() || info.LastActiveAt.Before(*info.ConnectedAt) || *info.Identity.SourceIp != "127.0.0.1" {
				t.Errorf("info %+v %+v", info, info.Identity)
			}
			if err := post(t.Context(), api, id, "the reason"); err != nil {
				t.Fatal(err)
			}
			if _, err := api.DeleteConnection(t.Context(), &apigatewaymanagementapi.DeleteConnectionInput{ConnectionId: aws.String(id)}); err != nil {
				t.Fatal(err)
			}
			if got := f.receive(conn); got != "the reason" {
				t.Errorf("received %s before the end", got)
			}
			if code := f.closed(conn); code != websocket.StatusNormalClosure {
				t.Errorf("closed with %d", code)
			}
			f.event("DISCONNECT")
		})
	}
}

func TestWhatConnectionsRefuses(t *testing.T) {
	f := serveSockets(t, SocketLimits{}, &functions{})
	api := management(f.url)
	_, id := f.dial(nil)

	if err := post(t.Context(), api, "nobodyIsHereAAA=", "x"); !isType[*types.GoneException](err) {
		t.Errorf("unknown connection: %v", err)
	}
	if _, err := api.DeleteConnection(t.Context(), &apigatewaymanagementapi.DeleteConnectionInput{ConnectionId: aws.String("gone")}); !isType[*types.GoneException](err) {
		t.Errorf("unknown connection: %v", err)
	}
	if err := post(t.Context(), api, id, strings.Repeat("x", MaxPost)); err != nil {
		t.Errorf("the largest frame: %v", err)
	}
	if err := post(t.Context(), api, id, strings.Repeat("x", MaxPost+1)); !isType[*types.PayloadTooLargeException](err) {
		t.Errorf("a frame too large: %v", err)
	}
	unsigned, _ := do(t, request(t, "POST", f.url+"/@connections/"+id, "x"))
	page, _ := do(t, request(t, "POST", f.url+"/@connections/"+id, "x", "Authorization", "AWS4-HMAC-SHA256 x", "Origin", "http://evil.example"))
	if unsigned.StatusCode != http.StatusForbidden || page.StatusCode != http.StatusForbidden {
		t.Errorf("unsigned %d, from a page %d", unsigned.StatusCode, page.StatusCode)
	}
}

func isType[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func TestAClientThatNeverReadsHoldsUpNobody(t *testing.T) {
	f := serveSockets(t, SocketLimits{Stall: time.Second}, &functions{})
	api := management(f.url)
	_, deaf := f.dial(smallReceiver())
	reader, good := f.dial(nil)

	// Far more than the queue and the system hold: without a bound this ends
	// only with the memory.
	frame := strings.Repeat("x", 32<<10)
	var refused error
	for i := 0; refused == nil && i < 1000; i++ {
		refused = post(t.Context(), api, deaf, frame)
		if err := post(t.Context(), api, good, fmt.Sprint(i)); err != nil {
			t.Fatalf("the one who reads: %v", err)
		}
		if got := f.receive(reader); got != fmt.Sprint(i) {
			t.Fatalf("the one who reads got %s, want %d", got, i)
		}
	}
	if !isType[*types.LimitExceededException](refused) {
		t.Fatalf("the deaf client's buffer never filled: %v", refused)
	}
	// It is cut after the stall limit, and then gone.
	event := f.event("DISCONNECT")
	if event.RequestContext.ConnectionID != deaf {
		t.Errorf("%s was cut, want %s", event.RequestContext.ConnectionID, deaf)
	}
	if err := post(t.Context(), api, deaf, "x"); !isType[*types.GoneException](err) {
		t.Errorf("after the cut: %v", err)
	}
	if err := post(t.Context(), api, good, "still here"); err != nil || f.receive(reader) != "still here" {
		t.Errorf("the one who reads: %v", err)
	}
}

func TestFramesKeepTheirOrder(t *testing.T) {
	f := serveSockets(t, SocketLimits{}, &functions{})
	api := management(f.url)
	conn, id := f.dial(nil)
	const frames = 300
	posted := make(chan error, 1)
	go func() {
		var failed error
		for i := range frames {
			failed = errors.Join(failed, post(t.Context(), api, id, fmt.Sprint(i)))
		}
		posted <- failed
	}()
	for i := range frames {
		if got := f.receive(conn); got != fmt.Sprint(i) {
			t.Fatalf("frame %s at place %d", got, i)
		}
	}
	if err := <-posted; err != nil {
		t.Error(err)
	}
}
