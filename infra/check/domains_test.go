package check

import (
	"path"
	"strings"
	"testing"

	"github.com/rapport/rapport/infra/local/template"
)

// With domains of our own people find the suite there alone, in the stack with the
// longest name too; functions still post to API Gateway's own address.
func TestDomainsOfOurOwn(t *testing.T) {
	t.Parallel()
	const gateway = ".execute-api.us-east-1.amazonaws.com"
	name := strings.Repeat("s", longestStack)
	for given, want := range map[string]struct{ http, ws string }{
		"":                {"https://httpapi" + gateway, "wss://wsapi" + gateway + "/ws"},
		"api.example.com": {"https://api.example.com", "wss://live.api.example.com"},
	} {
		parameters := map[string]string{"Issuers": someIssuer, "AWS::StackName": name}
		if given != "" {
			parameters["HttpDomain"], parameters["WsDomain"] = given, "live."+given
			parameters["CertificateArn"] = "arn:aws:acm:us-east-1:000000000000:certificate/0a1b"
		}
		stack, err := template.Load(path.Join(root(t), "template.yaml"), parameters)
		if err != nil {
			t.Fatalf("%q: %v", given, err)
		}
		if stack.Outputs["HttpUrl"] != want.http || stack.Outputs["WsUrl"] != want.ws {
			t.Errorf("%q: people find it at %s and %s", given, stack.Outputs["HttpUrl"], stack.Outputs["WsUrl"])
		}
		seen := 0
		for _, f := range stack.Functions {
			if url, there := f.Env["WS_URL"]; there {
				seen++
				if url != want.ws || f.Env["WS_ENDPOINT"] != "https://wsapi"+gateway+"/ws" {
					t.Errorf("%q: %s sends people to %s, and posts to %s", given, f.Folder, url, f.Env["WS_ENDPOINT"])
				}
			}
		}
		if seen == 0 {
			t.Errorf("%q: no function knows where sockets are", given)
		}
	}
}
