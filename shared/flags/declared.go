package flags

import "slices"

// BooleanFlag is a declared flag that is on or off.
type BooleanFlag struct {
	key string
	// served is what everybody gets until somebody changes the flag.
	served      bool
	description string
}

// The flags in front of parts of Rapport. Each is on until somebody changes it, and
// off by default: killing it switches the part off, and so does a function that has
// never reached the table of flags, for it can't know that nobody killed it.
var (
	AIPreCall      = BooleanFlag{"ai.precall", true, "What is prepared before a meeting by a text model."}
	AIInCall       = BooleanFlag{"ai.incall", true, "Prompts by a text model while a meeting is active."}
	AIPostCall     = BooleanFlag{"ai.postcall", true, "Insights by a text model after a meeting."}
	Transcription  = BooleanFlag{"transcription", true, "Adding to the transcripts of meetings."}
	Matching       = BooleanFlag{"matching", true, "Proposing people to each other."}
	VideoStream    = BooleanFlag{"video.stream", true, "Video by the provider Stream."}
	SearchSemantic = BooleanFlag{"search.semantic", true, "Search by meaning beside search by words."}
)

// Declared are all declared flags, by key.
func Declared() []Flag {
	all := []BooleanFlag{AIPreCall, AIInCall, AIPostCall, Transcription, Matching, VideoStream, SearchSemantic}
	flags := make([]Flag, len(all))
	for i, d := range all {
		flags[i] = d.flag()
	}
	slices.SortFunc(flags, byKey)
	return flags
}

// declared is the flag that is declared under a key.
func declared(key string) (Flag, bool) {
	all := Declared()
	i, found := slices.BinarySearchFunc(all, Flag{Key: key}, byKey)
	if !found {
		return Flag{}, false
	}
	return all[i], true
}

const (
	variantOn  = "on"
	variantOff = "off"
)

func (d BooleanFlag) flag() Flag {
	f := Flag{
		Key: d.key, Type: Boolean, Description: d.description, Default: variantOff,
		Variants: map[string]Value{variantOn: Value("true"), variantOff: Value("false")}, Rules: []Rule{},
	}
	if d.served {
		f.Rules = append(f.Rules, Rule{If: []Condition{}, Serve: Serve{Variant: variantOn}})
	}
	return f
}
