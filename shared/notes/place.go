package notes

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/ot"
)

// maxPlaces bounds what a change says of its places: about 0.4 KB as stored, and
// 1.3 KB as posted. What goes beyond is left out.
const maxPlaces = 32

// Place says where an insertion stood inside text that was deleted before the
// insertion was committed, and that its author had still seen. The op's position
// can't say so: the deleted text has shrunk to one position. A client that undoes
// the deletion needs the place, to bring the text back around the insertion.
type Place struct {
	Offset  int   `json:"offset" minimum:"0" doc:"Where the text begins in all that the change inserts, in code points."`
	Version int64 `json:"version" minimum:"1" doc:"The change that deleted there."`
	After   int   `json:"after" minimum:"0" doc:"How many of the code points that it deleted were before the text; those after them were behind it."`
}

// places follows a change's insertions through what was committed since its base.
// Its client has sent the places from before that.
type places struct {
	gaps  []ot.Gap
	found []Place
}

func placesOf(in Intent) *places { return &places{gaps: in.Ops.Gaps(), found: slices.Clone(in.Places)} }

// pass goes on through the next version.
func (p *places) pass(version int64, committed ot.Change) {
	for i, gap := range p.gaps {
		moved, deleted, touches := gap.After(committed)
		p.gaps[i] = moved
		if touches && len(p.found) < maxPlaces {
			p.found = append(p.found, Place{Offset: gap.Offset, Version: version, After: deleted})
		}
	}
}

// stored is how places lie in an entry: the numbers alone, since a write unit is
// 1 KB; empty for none.
func (p *places) stored() (string, error) {
	if len(p.found) == 0 {
		return "", nil
	}
	rows := make([][3]int64, len(p.found))
	for i, place := range p.found {
		rows[i] = [3]int64{int64(place.Offset), place.Version, int64(place.After)}
	}
	text, err := json.Marshal(rows)
	if err != nil {
		return "", fmt.Errorf("encode places: %w", err)
	}
	return string(text), nil
}

// readPlaces reads what stored wrote.
func readPlaces(text string) ([]Place, error) {
	if text == "" {
		return nil, nil
	}
	var rows [][3]int64
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		return nil, fmt.Errorf("read places: %w", err)
	}
	found := make([]Place, len(rows))
	for i, row := range rows {
		found[i] = Place{Offset: int(row[0]), Version: row[1], After: int(row[2])}
	}
	return found, nil
}
