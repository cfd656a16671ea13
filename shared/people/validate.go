package people

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // Lambda has no time zones of its own
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/name"
)

const (
	maxSkill    = 80
	maxGoal     = 200
	maxProblems = 20
)

// purposes are what somebody may look for.
var purposes = []string{"mentor", "mentee", "collaborator", "peer", "hire", "job"}

// problems gathers what is wrong with a request.
type problems []errs.FieldError

func (p *problems) add(location, format string, args ...any) {
	if len(*p) < maxProblems {
		*p = append(*p, errs.FieldError{Location: location, Detail: fmt.Sprintf(format, args...)})
	}
}

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return &errs.Error{Kind: errs.Validation, Message: "The request is not valid.", Problems: p}
}

// Validate holds what tags can't say, and gives lists, languages and the time zone
// the form in which they are stored.
func (r *UpdateProfileRequest) Validate() error {
	var found problems
	found.lines("body.skills", r.Skills, maxSkill)
	found.lines("body.goals", r.Goals, maxGoal)
	found.languages("body.languages", r.Languages)
	found.purposes("body.lookingFor", r.LookingFor)
	if r.TimeZone != "" && !isTimeZone(r.TimeZone) {
		found.add("body.timeZone", "must be a time zone of IANA's, such as Europe/Berlin")
	}
	found.link("body.links.linkedin", r.Links.LinkedIn)
	found.link("body.links.website", r.Links.Website)
	return found.err()
}

// lines takes texts that others read in one line, each once.
func (p *problems) lines(at string, list []string, most int) {
	seen := map[string]bool{}
	for i, text := range list {
		parsed, err := name.Parse(text)
		switch {
		case err != nil:
			p.add(fmt.Sprintf("%s[%d]", at, i), "%s", err.Error())
		case utf8.RuneCountInString(parsed) > most:
			p.add(fmt.Sprintf("%s[%d]", at, i), "must have at most %d characters", most)
		case seen[parsed]:
			p.add(fmt.Sprintf("%s[%d]", at, i), "stands twice")
		default:
			seen[parsed], list[i] = true, parsed
		}
	}
}

func (p *problems) languages(at string, list []string) {
	seen := map[string]bool{}
	for i, text := range list {
		// A tag has at most 35 characters where it has no extensions (RFC 5646).
		tag, err := language.Raw.Parse(text)
		switch known := tag.String(); {
		case err != nil || len(text) > 35 || tag.IsRoot() || strings.Contains(text, "_"):
			p.add(fmt.Sprintf("%s[%d]", at, i), "must be a language tag of BCP 47, such as en or pt-BR")
		case seen[known]:
			p.add(fmt.Sprintf("%s[%d]", at, i), "stands twice")
		default:
			seen[known], list[i] = true, known
		}
	}
}

func (p *problems) purposes(at string, list []string) {
	for i, text := range list {
		switch {
		case !slices.Contains(purposes, text):
			p.add(fmt.Sprintf("%s[%d]", at, i), "must be one of %s", strings.Join(purposes, ", "))
		case slices.Contains(list[:i], text):
			p.add(fmt.Sprintf("%s[%d]", at, i), "stands twice")
		}
	}
}

// isTimeZone tells whether a name is IANA's: neither the machine's own nor a file
// beside the zones, such as `posixrules`.
func isTimeZone(text string) bool {
	if text == "Local" || text[0] < 'A' || text[0] > 'Z' {
		return false
	}
	_, err := time.LoadLocation(text)
	return err == nil
}

// link takes an address of the web that a page may show as a link.
func (p *problems) link(at, text string) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.ContainsAny(text, " \t\r\n\\<>\"`") {
		p.add(at, "must be an address that begins with https://")
	}
}
