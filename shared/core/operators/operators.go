// Package operators says who operates the suite: whoever's token has the role
// admin in the organisation that operates it. The role says nothing about
// meetings, and an admin of another organisation is nobody here.
package operators

import (
	"context"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/errs"
)

// role is the token's claim.
const role = "admin"

// Operators admits operators.
type Operators struct {
	orgID string
	local bool
	audit *audit.Log
}

// New makes it for an organisation. Without one nobody is an operator, except
// locally: there it is an admin whose token has no organisation either.
func New(orgID string, local bool, a *audit.Log) *Operators {
	return &Operators{orgID: orgID, local: local, audit: a}
}

// Admit gives FORBIDDEN for a caller who isn't an operator, and audits that.
func (o *Operators) Admit(ctx context.Context, c caller.Caller, action caller.Action, resource string) error {
	if c.OrgRole == role && c.OrgID == o.orgID && (o.orgID != "" || o.local) {
		return nil
	}
	denied := errs.New(errs.Forbidden, "Only operators of the suite may do this.")
	// A denial that can't be audited stays one; its cause reaches the log.
	denied.Err = o.audit.Record(ctx, c, action, resource, audit.Denied)
	return denied
}
