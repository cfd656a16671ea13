package operators_test

import (
	"testing"

	"github.com/rapport/rapport/shared/core/audit"
	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/operators"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/core/table/tabletest"
)

// Who is admitted depends on role, organisation and setting together; whoever isn't
// is audited, once.
func TestAdmit(t *testing.T) {
	t.Parallel()
	tables := tabletest.New(t)
	trail := audit.New(tables.Audit, clock.System{})
	tests := []struct {
		name      string
		orgID     string
		local     bool
		role, org string
		want      bool
	}{
		{name: "an operator", orgID: "org_ops", role: "admin", org: "org_ops", want: true},
		{name: "a member of the operators", orgID: "org_ops", role: "member", org: "org_ops"},
		{name: "no role", orgID: "org_ops", org: "org_ops"},
		{name: "a role in other case", orgID: "org_ops", role: "Admin", org: "org_ops"},
		{name: "an admin of another organisation", orgID: "org_ops", role: "admin", org: "org_other"},
		{name: "an admin of none", orgID: "org_ops", role: "admin"},
		{name: "an admin of none, on a laptop with the setting", orgID: "org_ops", local: true, role: "admin"},
		{name: "an admin of none, on a laptop without it", local: true, role: "admin", want: true},
		{name: "an admin of some organisation, on a laptop without it", local: true, role: "admin", org: "org_local"},
		{name: "an admin of none, deployed without the setting", role: "admin"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			resource := "flags/" + clock.NewID(clock.System{})
			o := operators.New(tt.orgID, tt.local, trail)
			err := o.Admit(t.Context(), caller.Caller{UserID: "user_ada", OrgID: tt.org, OrgRole: tt.role}, "flags.update", resource)
			if got := err == nil; got != tt.want || (err != nil && !errs.Is(err, errs.Forbidden)) {
				t.Errorf("admitted %t, %v; want %t", got, err, tt.want)
			}
			page, err := table.List[audit.Entry](t.Context(), tables.Audit, table.Query{PK: "AUDIT#" + resource})
			if err != nil {
				t.Fatal(err)
			}
			denied := len(page.Items) == 1 && page.Items[0].Value.Result == audit.Denied && page.Items[0].Value.Action == "flags.update"
			if denied == tt.want || len(page.Items) > 1 {
				t.Errorf("audited as %+v", page.Values())
			}
		})
	}
}
