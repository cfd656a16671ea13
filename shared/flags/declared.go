package flags

import "slices"

// BooleanFlag is a declared flag that is on or off.
type BooleanFlag struct {
	key         string
	description string
	// served is what everybody gets until somebody changes the flag.
	served bool
	// unread is what holds for a function that has never reached the table of flags:
	// it can't know that nobody killed the flag.
	unread bool
}

// The flags in front of parts of Rapport. Each is on until somebody changes it, and
// off by default, so that killing it switches the part off. A function that
// has never reached the table takes flags of parts that call a provider as off.
// Transcription calls no provider, and refusing chunks would lose what people say, so
// it is taken as on.
var (
	AIPreCall      = BooleanFlag{key: "ai.precall", served: true, description: "What is prepared before a meeting by a text model."}
	AIInCall       = BooleanFlag{key: "ai.incall", served: true, description: "Prompts by a text model while a meeting is active."}
	AIPostCall     = BooleanFlag{key: "ai.postcall", served: true, description: "Insights by a text model after a meeting."}
	Transcription  = BooleanFlag{key: "transcription", served: true, unread: true, description: "Adding to the transcripts of meetings."}
	Matching       = BooleanFlag{key: "matching", served: true, description: "Proposing people to each other."}
	VideoStream    = BooleanFlag{key: "video.stream", served: true, description: "Video by the provider Stream."}
	SearchSemantic = BooleanFlag{key: "search.semantic", served: true, description: "Search by meaning beside search by words."}
)

// booleans are all declared flags.
func booleans() []BooleanFlag {
	return []BooleanFlag{AIPreCall, AIInCall, AIPostCall, Transcription, Matching, VideoStream, SearchSemantic}
}

// Declared are all declared flags, by key.
func Declared() []Flag {
	var flags []Flag
	for _, d := range booleans() {
		flags = append(flags, d.flag())
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
