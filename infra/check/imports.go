package check

import (
	"fmt"
	"slices"
	"strings"
)

// Names for several parts of the tree.
const (
	leaves    = "shared/core/errs shared/core/cache shared/core/epoch shared/core/caller shared/core/clock shared/core/config shared/core/metrics shared/core/name shared/core/patch shared/core/effect"
	machinery = "shared/core/table shared/core/paging shared/core/queue shared/core/blob shared/core/secret shared/core/log shared/core/realtime shared/core/logtopic shared/core/ot shared/core/audit shared/core/idempotency shared/core/projection shared/core/session shared/core/identity shared/core/operators"
	domains   = "shared/users shared/meetings shared/notes shared/transcripts shared/flags shared/people"
)

// parts says which parts of the tree each part may import; every part may
// import its own packages. A part is a folder of shared with all below it, and
// infra or web as a whole; of functions there are the list of all, a domain
// (functions/D), whose service the package composition puts together with others,
// and a Lambda (functions/D/F). What is not here may not import
// anything of this module: a new domain adds itself.
var parts = map[string]string{
	"functions":             "functions/D shared/core/endpoint",
	"functions/D":           "functions/composition shared/D shared/core/endpoint shared/core/platform " + leaves + " " + machinery + " " + domains,
	"functions/composition": "shared/core/endpoint shared/core/platform " + leaves + " " + machinery + " " + domains,
	"functions/D/F":         "functions/D shared/core/endpoint",

	"shared/core/errs":    "",
	"shared/core/epoch":   "shared/core/errs",
	"shared/core/cache":   "",
	"shared/core/caller":  "",
	"shared/core/clock":   "",
	"shared/core/config":  "",
	"shared/core/metrics": "",
	"shared/core/name":    "",
	"shared/core/patch":   "",
	"shared/core/effect":  "",

	"shared/core/sdk":         "shared/core/clock",
	"shared/core/table":       leaves + " shared/core/sdk",
	"shared/core/paging":      leaves + " shared/core/table",
	"shared/core/queue":       leaves + " shared/core/sdk",
	"shared/core/blob":        leaves,
	"shared/core/secret":      leaves + " shared/core/sdk",
	"shared/core/ot":          leaves,
	"shared/core/log":         leaves + " shared/core/table",
	"shared/core/audit":       leaves + " shared/core/table",
	"shared/core/idempotency": leaves + " shared/core/table",
	"shared/core/projection":  leaves + " shared/core/table",
	"shared/core/session":     leaves + " shared/core/table",
	"shared/core/identity":    leaves + " shared/core/table shared/core/audit shared/core/session shared/core/realtime",
	"shared/core/operators":   leaves + " shared/core/audit",
	"shared/core/realtime":    leaves + " shared/core/sdk shared/core/table shared/core/paging shared/core/queue shared/core/log shared/core/audit",
	"shared/core/logtopic":    leaves + " shared/core/table shared/core/log shared/core/realtime",
	"shared/core/endpoint":    leaves + " shared/core/table shared/core/queue shared/core/idempotency",
	"shared/core/dispatch":    leaves + " shared/core/queue shared/core/realtime shared/core/audit",
	"shared/core/platform":    leaves + " shared/core/endpoint shared/core/dispatch " + machinery,

	"shared/users":       leaves + " " + machinery,
	"shared/meetings":    leaves + " " + machinery + " shared/users",
	"shared/notes":       leaves + " " + machinery + " shared/meetings",
	"shared/transcripts": leaves + " " + machinery + " shared/meetings shared/flags",
	"shared/flags":       leaves + " " + machinery,
	"shared/people":      leaves + " " + machinery + " shared/users",

	"shared/testkit": leaves + " " + machinery + " " + domains + " shared/core/endpoint shared/core/platform functions",
	"infra":          leaves + " " + machinery + " " + domains + " shared/core/endpoint shared/core/platform shared/testkit functions web",
	"web":            "",
}

// external says which parts or packages may import a family of packages that is
// not ours. A domain sees no events, HTTP requests or types of an SDK.
var external = map[string]string{
	"github.com/aws/aws-sdk-go-v2": "shared/core/sdk shared/core/table shared/core/queue/sqs shared/core/blob/s3 shared/core/secret/secretsmanager shared/core/realtime/apigateway shared/core/identity/workos shared/core/platform shared/testkit functions/D infra",
	"github.com/aws/aws-lambda-go": "shared/core/endpoint shared/core/table shared/testkit functions functions/D infra",
	"github.com/workos/workos-go":  "shared/core/identity/workos infra",
	"net/http":                     "shared/core/sdk shared/core/endpoint shared/core/table shared/core/identity shared/core/queue/sqs shared/core/secret/secretsmanager shared/core/realtime/apigateway shared/core/platform shared/testkit functions/D infra web",
}

// wrongImports gives the imports of a package that go in a direction that is not
// allowed. The package is named from the root of the module, as in
// `shared/notes`, its imports as Go does.
func wrongImports(pkg string, imports []string) []string {
	var wrong []string
	for _, path := range imports {
		if imported, ours := strings.CutPrefix(path, module+"/"); ours {
			wrong = append(wrong, wrongInside(pkg, imported)...)
			continue
		}
		for family, who := range external {
			if within(path, family) && !slices.ContainsFunc(strings.Fields(who), func(p string) bool { return p == partOf(pkg) || within(pkg, p) }) {
				wrong = append(wrong, fmt.Sprintf("%s imports %s, which is for %s", pkg, path, who))
			}
		}
	}
	return wrong
}

func wrongInside(pkg, imported string) []string {
	from, to := partOf(pkg), partOf(imported)
	if from == to && (from == "shared/testkit" || from == "infra" || from == "web" || domainOf(pkg) == domainOf(imported)) {
		return nil
	}
	may, known := parts[from]
	if !known {
		return []string{fmt.Sprintf("%s: say in infra/check/imports.go what %s may import", pkg, from)}
	}
	list := strings.Fields(may)
	switch {
	case from == "functions/D/F" && to == "functions/D":
		if domainOf(pkg) != domainOf(imported) {
			return []string{fmt.Sprintf("%s imports the functions of another domain, %s", pkg, imported)}
		}
	case slices.Contains(list, "shared/D") && domainOf(to) == domainOf(pkg):
	case !slices.Contains(list, to):
		return []string{fmt.Sprintf("%s imports %s: %s may import %s", pkg, imported, from, orNothing(may))}
	}
	// shared/core/identity/workos and its like are for those who open functions.
	if within(imported, to) && imported != to && strings.HasPrefix(from, "shared/") && from != "shared/core/platform" && from != "shared/testkit" {
		return []string{fmt.Sprintf("%s imports the implementation %s; it takes an interface and is handed one", pkg, imported)}
	}
	return nil
}

// partOf is the part of the tree that a package belongs to.
func partOf(pkg string) string {
	folders := strings.Split(pkg, "/")
	switch {
	case strings.HasSuffix(pkg, "test"):
		return "shared/testkit" // tools of tests, such as shared/core/table/tabletest
	case pkg == "functions/composition":
		return pkg
	case folders[0] == "functions" && len(folders) == 2:
		return "functions/D"
	case folders[0] == "functions" && len(folders) == 3:
		return "functions/D/F"
	case folders[0] == "shared" && len(folders) > 2 && folders[1] == "core":
		return "shared/core/" + folders[2]
	case folders[0] == "shared" && len(folders) > 1:
		return "shared/" + folders[1]
	}
	return folders[0]
}

// domainOf is the folder of a package below functions, shared or shared/core, if
// it has one.
func domainOf(pkg string) string {
	folders := strings.Split(strings.Replace(pkg, "shared/core/", "shared/", 1), "/")
	if len(folders) < 2 {
		return ""
	}
	return folders[1]
}

func orNothing(list string) string {
	if list == "" {
		return "nothing of this module"
	}
	return list
}

func within(pkg, folder string) bool { return pkg == folder || strings.HasPrefix(pkg, folder+"/") }
