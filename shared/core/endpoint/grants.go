package endpoint

import (
	"slices"
)

// Table is a table under its logical id in the templates.
type Table string

// The tables.
const (
	Data     Table = "Data"
	Log      Table = "Log"
	Realtime Table = "Realtime"
	Control  Table = "Control"
	Audit    Table = "Audit"
)

// ReadAction is an IAM action that reads items, without its service.
type ReadAction string

// WriteAction is an IAM action that writes items, without its service. A
// transaction needs the actions of its items.
type WriteAction string

// The actions on tables. There is no Scan.
const (
	GetItem            ReadAction  = "GetItem"
	BatchGetItem       ReadAction  = "BatchGetItem"
	Query              ReadAction  = "Query"
	ConditionCheckItem ReadAction  = "ConditionCheckItem"
	PutItem            WriteAction = "PutItem"
	UpdateItem         WriteAction = "UpdateItem"
	DeleteItem         WriteAction = "DeleteItem"
	BatchWriteItem     WriteAction = "BatchWriteItem"
)

// Grant is what a function may do to one table, or to an index of it.
type Grant struct {
	Table Table
	// Index is empty for the table itself.
	Index string
	// Actions are IAM's, without the service, in the order of their declaration.
	Actions []string
}

// SocketCall is a call to `@connections` under its HTTP method.
type SocketCall string

// The calls to sockets: post a frame, look one up, close it.
const (
	SocketPost   SocketCall = "POST"
	SocketLookup SocketCall = "GET"
	SocketClose  SocketCall = "DELETE"
)

// Service is something beside tables, sockets and queues that functions ask: a
// provider, a secret, or a folder of blobs.
type Service struct {
	// Name is the statement's.
	Name string
	// Actions are IAM's, such as `s3:GetObject`, and Resources what they are granted on,
	// as the templates write it; both are empty for what IAM knows nothing of.
	Actions, Resources []string
	// Variables are what the functions get, as the templates write it.
	Variables map[string]string
}

// Reads grants reading of a table's items.
func Reads(on Table, actions ...ReadAction) Option { return grants(on, "", actions) }

// ReadsIndex grants queries of a table's index.
func ReadsIndex(on Table, index string) Option { return grants(on, index, []ReadAction{Query}) }

// Writes grants writing of a table's items.
func Writes(on Table, actions ...WriteAction) Option { return grants(on, "", actions) }

// Audits grants adding to the audit log, to which nothing else is granted.
func Audits() Option { return Writes(Audit, PutItem) }

// Posts grants sending frames to sockets, Closes closing them, LooksUp asking whether
// they are open.
func Posts() Option { return sockets(SocketPost) }

// Closes grants closing sockets.
func Closes() Option { return sockets(SocketClose) }

// LooksUp grants asking whether a socket is open.
func LooksUp() Option { return sockets(SocketLookup) }

// Delivers grants what sending to a topic's followers takes: to find them, to post to
// their sockets, and to note or remove those that take nothing.
func Delivers() Option {
	return func(d *Declaration) {
		Reads(Realtime, Query)(d)
		Writes(Realtime, UpdateItem, DeleteItem)(d)
		Posts()(d)
	}
}

// Sends grants sending messages to a queue, and gives the function its URL as
// <QUEUE>_QUEUE_URL.
func Sends(queue string) Option {
	return func(d *Declaration) { d.Deployment.Queues = append(d.Deployment.Queues, queue) }
}

// Asks grants what a service takes, and gives its variables.
func Asks(s Service) Option {
	return func(d *Declaration) { d.Deployment.Services = append(d.Deployment.Services, s) }
}

// Blobs is a folder of the bucket, with IAM's actions on its objects, such as
// `s3:PutObject`.
func Blobs(folder string, actions ...string) Service {
	return Service{
		Name: "Blobs", Actions: actions, Resources: []string{`!Sub "${BlobsArn}/` + folder + `/*"`},
		Variables: map[string]string{"BLOBS_BUCKET": "!Ref BlobsBucket"},
	}
}

// Secret is a secret of Secrets Manager whose name a parameter of the root template has.
// The function gets the name in a variable, and reads the value when it needs it: see
// package secret.
func Secret(parameter, variable string) Service {
	return Service{
		Name: parameter, Actions: []string{"secretsmanager:GetSecretValue"},
		// An ARN has a hyphen and six characters after the name, which AWS draws.
		Resources: []string{`!Sub "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${` + parameter + `}-??????"`},
		Variables: map[string]string{variable: "!Ref " + parameter},
	}
}

// Needed is all that the function may do: what is declared, and what its adapter does
// for every function of its kind before the method runs and after it. It is ordered
// by table.
func (d Declaration) Needed() Deployment {
	all := Declaration{}
	switch {
	case d.Trigger == TriggerHTTP && d.Class.SignedIn():
		// The session, the user, who is created when first seen, and the key sets.
		Reads(Data, BatchGetItem)(&all)
		Writes(Data, PutItem)(&all)
		Reads(Control, GetItem, BatchGetItem)(&all)
		Writes(Control, PutItem, UpdateItem)(&all)
		// The provider's directory is asked about who comes for the first time.
		Asks(Secret("WorkosApiKeySecret", "WORKOS_API_KEY_SECRET_ID"))(&all)
		if d.Mutates {
			Writes(Control, DeleteItem)(&all) // a key whose request was refused
		}
	case d.Trigger == TriggerSocket:
		// A frame's caller stands on its connection row, also of one that arrives at
		// $connect or $disconnect, and is answered by a post.
		Reads(Realtime, GetItem)(&all)
		Posts()(&all)
	}
	if d.Class == Admins {
		Audits()(&all)
	}
	for _, g := range d.Deployment.Grants {
		grants(g.Table, g.Index, g.Actions)(&all)
	}
	for _, call := range d.Deployment.Sockets {
		sockets(call)(&all)
	}
	needed := d.Deployment
	needed.Grants, needed.Sockets = all.Deployment.Grants, all.Deployment.Sockets
	needed.Services = append(all.Deployment.Services, needed.Services...)
	order := []Table{Data, Log, Realtime, Control, Audit}
	slices.SortStableFunc(needed.Grants, func(a, b Grant) int {
		return slices.Index(order, a.Table) - slices.Index(order, b.Table)
	})
	return needed
}

func grants[A ~string](on Table, index string, actions []A) Option {
	return func(d *Declaration) {
		all := d.Deployment.Grants
		at := slices.IndexFunc(all, func(g Grant) bool { return g.Table == on && g.Index == index })
		if at < 0 {
			at, all = len(all), append(all, Grant{Table: on, Index: index})
		}
		for _, action := range actions {
			if !slices.Contains(all[at].Actions, string(action)) {
				all[at].Actions = append(all[at].Actions, string(action))
			}
		}
		d.Deployment.Grants = all
	}
}

func sockets(call SocketCall) Option {
	return func(d *Declaration) {
		if !slices.Contains(d.Deployment.Sockets, call) {
			d.Deployment.Sockets = append(d.Deployment.Sockets, call)
		}
	}
}
