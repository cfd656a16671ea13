// Package composition puts the domains' services together on a platform. It
// is the one place where domains meet: each functions/<domain>.Open takes its
// service from here, and a new domain adds its service, its topics and its stream
// handlers here.
package composition

import (
	"maps"

	"github.com/rapport/rapport/shared/core/config"
	"github.com/rapport/rapport/shared/core/endpoint"
	"github.com/rapport/rapport/shared/core/identity"
	"github.com/rapport/rapport/shared/core/identity/workos"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/platform"
	"github.com/rapport/rapport/shared/core/platform/authentication"
	"github.com/rapport/rapport/shared/core/platform/sockets"
	"github.com/rapport/rapport/shared/core/projection"
	"github.com/rapport/rapport/shared/core/realtime"
	"github.com/rapport/rapport/shared/flags"
	"github.com/rapport/rapport/shared/meetings"
	"github.com/rapport/rapport/shared/notes"
	"github.com/rapport/rapport/shared/people"
	"github.com/rapport/rapport/shared/transcripts"
	"github.com/rapport/rapport/shared/users"
)

// Domains are the services of all domains, each made when it is first asked for.
// One Domains serves one function, as the platform below it does.
type Domains struct {
	*sockets.Sockets

	users       *users.Service
	meetings    *meetings.Service
	notes       *notes.Service
	transcripts *transcripts.Service
	flags       *flags.Service
	people      *people.Service
	messages    *people.Messages
	reader      *flags.Reader
}

// New makes the domains of a function. platform.App names the variables that are
// missing in its environment for those that were asked for.
func New(env config.Env, overrides endpoint.Overrides) *Domains {
	return &Domains{Sockets: sockets.New(platform.New(env, overrides))}
}

// Runtime gives what the adapters need around a function.
func (d *Domains) Runtime(declaration endpoint.Declaration) endpoint.Runtime {
	return authentication.Add(d.Sockets.Runtime(declaration), d.Platform, declaration, func(directory *workos.Directory) identity.Users {
		return users.NewRegistrar(d.Users(), directory)
	})
}

// Users gives the service of users.
func (d *Domains) Users() *users.Service {
	if d.users == nil {
		d.users = users.New(d.Data(), d.Audit(), d.Clock, d.Idempotency())
	}
	return d.users
}

// Meetings gives the service of meetings.
func (d *Domains) Meetings() *meetings.Service {
	if d.meetings == nil {
		d.meetings = meetings.New(meetings.Dependencies{
			Data: d.Data(), Users: d.Users(), Audit: d.Audit(), Idempotency: d.Idempotency(), Clock: d.Clock, Publisher: d.Publisher(),
			Topics: d.meetingTopics(), Epoch: d.LogEpoch(),
		})
	}
	return d.meetings
}

// meetingTopics are the topics that every meeting has, in the order in which their
// subscriptions end: what changes most goes first, the meeting itself last.
func (d *Domains) meetingTopics() []meetings.Topic {
	return []meetings.Topic{notes.Topic(d.notesLog()), transcripts.Topic(d.transcriptsLog()), meetings.OwnTopic()}
}

// Notes gives the service of notes.
func (d *Domains) Notes() *notes.Service {
	if d.notes == nil {
		d.notes = notes.New(d.LogTable(), d.notesLog(), d.Meetings(), d.Clock)
	}
	return d.notes
}

func (d *Domains) notesLog() *log.Log { return d.newLog(notes.Layout()) }

// Transcripts gives the service of transcripts.
func (d *Domains) Transcripts() *transcripts.Service {
	if d.transcripts == nil {
		d.transcripts = transcripts.New(d.transcriptsLog(), d.Meetings(), d.FlagReader(), d.Clock)
	}
	return d.transcripts
}

func (d *Domains) transcriptsLog() *log.Log { return d.newLog(transcripts.Layout()) }

func (d *Domains) newLog(layout log.Layout) *log.Log {
	return log.New(d.LogTable(), d.Clock, layout).In(d.LogEpoch())
}

// Flags gives the service of flags.
func (d *Domains) Flags() *flags.Service {
	if d.flags == nil {
		d.flags = flags.New(flags.Dependencies{
			Data: d.Data(), Reader: d.FlagReader(), Audit: d.Audit(), Idempotency: d.Idempotency(), Clock: d.Clock, Epoch: d.LogEpoch(),
		})
	}
	return d.flags
}

// People gives the service of people.
func (d *Domains) People() *people.Service {
	if d.people == nil {
		d.people = people.New(people.Parts{Data: d.Data(), Audit: d.Audit(), Once: d.Idempotency(), Clock: d.Clock})
	}
	return d.people
}

// Messages gives the service of what the two of a connection write to each other.
func (d *Domains) Messages() *people.Messages {
	if d.messages == nil {
		d.messages = people.NewMessages(d.People(), d.newLog(people.MessageLayout()))
	}
	return d.messages
}

// FlagReader gives the flags to whoever stands behind one.
func (d *Domains) FlagReader() *flags.Reader {
	if d.reader == nil {
		d.reader = flags.NewReader(d.Data(), d.Clock, d.Log)
	}
	return d.reader
}

// Topics gives every topic that can be subscribed.
func (d *Domains) Topics() (*realtime.Registry, error) {
	m := d.Meetings()
	return realtime.NewRegistry(
		realtime.Registration{TopicType: meetings.OwnTopic().TopicType, Source: meetings.Source{Service: m}, Presence: meetings.PresencePolicy{Service: m}},
		realtime.Registration{TopicType: notes.Topic(nil).TopicType, Source: d.Notes().Source()},
		realtime.Registration{TopicType: transcripts.Topic(nil).TopicType, Source: d.Transcripts().Topics()},
		realtime.Registration{TopicType: users.Topic(), Source: users.Topics(d.LogTable(), d.Clock)},
		realtime.Registration{TopicType: people.MessageTopic(), Source: d.Messages().Topics()},
		realtime.Registration{TopicType: flags.Topic(), Source: flags.NewSource(d.Data())},
	)
}

// Movers are the domains whose records move topics.
func (d *Domains) Movers() []realtime.Domain {
	return []realtime.Domain{d.Meetings(), d.Notes().Source(), d.Transcripts().Topics(), d.Messages().Topics(), d.Flags()}
}

// Projections are the handlers of all else that follows from records. What a new
// one handles must pass the filters of streams/project, and what it does its
// grants: see package functions/streams.
func (d *Domains) Projections() []projection.Handler {
	return []projection.Handler{
		meetings.Names{Service: d.Meetings()}, notes.Snapshots{Service: d.Notes()}, people.Names{Service: d.People()}, people.Usage{Service: d.People()},
	}
}

// Permissions is who may do what in a meeting, in all domains together, for
// documents and for the test of all roles against all actions.
func Permissions() meetings.PermissionTable {
	all := meetings.PermissionTable{}
	for _, table := range []meetings.PermissionTable{meetings.Permissions(), notes.Permissions(), transcripts.Permissions()} {
		maps.Copy(all, table)
	}
	return all
}
