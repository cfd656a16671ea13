package people

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
)

// Category is what kind of interest something is.
type Category string

// The categories.
const (
	Academic Category = "academic"
	Industry Category = "industry"
	Skill    Category = "skill"
	Personal Category = "personal"
)

// Interest is what people care about, or are good at.
type Interest struct {
	InterestID string   `json:"interestId"`
	Name       string   `json:"name"`
	Category   Category `json:"category" enum:"academic,industry,skill,personal"`
	// ParentID is null at the top of the taxonomy, and where people have added it.
	ParentID *string `json:"parentId" nullable:"true"`
	// UsageCount is how many people have it.
	UsageCount int64 `json:"usageCount"`
}

// sort is an interest's place in lists.
func (i Interest) sort() string { return fold(i.Name) + "#" + i.InterestID }

// taxonomyFile was written for Rapport. An id there is for good; a name may change,
// to one that is nobody else's.
//
//go:embed taxonomy.json
var taxonomyFile []byte

// taxonomy is what the file says.
type taxonomy struct {
	// inOrder are as lists have them.
	inOrder []Interest
	byID    map[string]Interest
	// bySpelling knows each by its name as squeeze gives it.
	bySpelling map[string]Interest
}

// known is the taxonomy, read when it is first asked for.
var known = sync.OnceValue(func() taxonomy {
	t, err := readTaxonomy(taxonomyFile)
	if err != nil {
		panic(err) // the file is part of the program, and its test reads it
	}
	return t
})

func readTaxonomy(file []byte) (taxonomy, error) {
	t := taxonomy{byID: map[string]Interest{}, bySpelling: map[string]Interest{}}
	if err := json.Unmarshal(file, &t.inOrder); err != nil {
		return t, fmt.Errorf("taxonomy: %w", err)
	}
	for _, one := range t.inOrder {
		spelling := squeeze(one.Name)
		if other, twice := t.bySpelling[spelling]; twice || spelling == "" {
			return t, fmt.Errorf("taxonomy: %s and %s are spelled alike", one.InterestID, other.InterestID)
		}
		if _, twice := t.byID[one.InterestID]; twice || one.InterestID == "" || strings.HasPrefix(one.InterestID, addedPrefix) {
			return t, fmt.Errorf("taxonomy: the id %q stands twice, or is none", one.InterestID)
		}
		if one.ParentID != nil {
			if parent, ok := t.byID[*one.ParentID]; !ok || parent.Category != one.Category {
				return t, fmt.Errorf("taxonomy: %s lacks its parent before it, in its category", one.InterestID)
			}
		}
		t.byID[one.InterestID], t.bySpelling[spelling] = one, one
	}
	return t, nil
}
