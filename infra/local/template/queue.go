package template

// SQS's own bounds and defaults (docs.aws.amazon.com, "Amazon SQS message
// quotas", "AWS::SQS::Queue").
const (
	mostSeconds      = 12 * 3600
	mostDelay        = 900
	leastRetention   = 60
	mostRetention    = 1209600
	defaultRetention = 345600
	defaultVisible   = 30
	mostMessage      = 1 << 20
	leastMessage     = 1 << 10
	mostReceives     = 1000
)

// buildQueue adds a standard queue.
func (s *scope) buildQueue(r resource, v value) error {
	p := read(v, &s.load.errs)
	p.known("SqsManagedSseEnabled", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "RedriveAllowPolicy", "ReceiveMessageWaitTimeSeconds", "Tags")
	if p.flag("FifoQueue") {
		p.fail(v.at.at("FifoQueue").errorf("a FIFO queue is not understood"))
	}
	k, _ := kindOf(r.kind)
	name, err := s.physicalName(r, k)
	if err != nil {
		return err
	}
	p.known(k.nameProperty)
	q := Queue{
		LogicalID: r.id, Name: name, ARN: s.fill("{arn}", k, name, r.id), URL: s.fill(k.ref, k, name, r.id),
		Delay:      p.seconds("DelaySeconds", 0, 0, mostDelay),
		Visibility: p.seconds("VisibilityTimeout", defaultVisible, 0, mostSeconds),
		Retention:  p.seconds("MessageRetentionPeriod", defaultRetention, leastRetention, mostRetention),
		MaxBytes:   p.within("MaximumMessageSize", mostMessage, leastMessage, mostMessage),
	}
	q.DeadLetters, q.MaxReceives = redrive(p)
	p.finish()
	s.load.queuePlaces[q.ARN] = v.at
	s.load.stack.Queues = append(s.load.stack.Queues, q)
	return nil
}

// redrive reads a RedrivePolicy.
func redrive(p *reader) (deadLetters string, receives int) {
	given, ok := p.get("RedrivePolicy")
	if !ok {
		return "", 0
	}
	policy := read(given, p.errs)
	deadLetters, receives = policy.needText("deadLetterTargetArn"), policy.within("maxReceiveCount", 10, 1, mostReceives)
	policy.finish()
	return deadLetters, receives
}

// pendingTaker is a function's queue that isn't known yet.
type pendingTaker struct {
	at     location
	folder string
	queue  string
	source QueueSource
}

// Lambda's bounds of a queue's event source.
const (
	mostBatch        = 10000
	mostWindow       = 300
	leastConcurrency = 2
	mostConcurrency  = 1000
	// smallBatch is the largest batch that goes without a window.
	smallBatch = 10
)

func (s *scope) queueEvent(f *Function, name string, p *reader) {
	p.known("MetricsConfig", "KmsKeyArn")
	if enabled := p.text("Enabled", "true"); enabled != "true" {
		p.fail(p.v.at.at("Enabled").errorf("an event source that is not enabled is not understood"))
	}
	source := QueueSource{
		Name: name, BatchSize: p.within("BatchSize", smallBatch, 1, mostBatch),
		Window: p.seconds("MaximumBatchingWindowInSeconds", 0, 0, mostWindow),
	}
	if source.BatchSize > smallBatch && source.Window == 0 {
		p.fail(p.v.at.at("BatchSize").errorf("above %d it needs MaximumBatchingWindowInSeconds", smallBatch))
	}
	for _, item := range p.items("FunctionResponseTypes") {
		if item.text != "ReportBatchItemFailures" {
			p.fail(item.at.errorf("%q is not understood", item.text))
		}
		source.ReportBatchItemFailures = true
	}
	scaling := p.sub("ScalingConfig")
	source.MaximumConcurrency = scaling.within("MaximumConcurrency", 0, leastConcurrency, mostConcurrency)
	scaling.finish()
	queue := p.needText("Queue")
	p.finish()
	s.load.takers = append(s.load.takers, pendingTaker{at: p.v.at, folder: f.Folder, queue: queue, source: source})
}

func (s *scope) scheduleEvent(f *Function, name string, p *reader) {
	p.known("Description", "RetryPolicy", "DeadLetterConfig", "FlexibleTimeWindow", "RoleArn", "PermissionsBoundary", "OmitName")
	if state := p.text("State", "ENABLED"); state != "ENABLED" {
		p.fail(p.v.at.at("State").errorf("a schedule that is not enabled is not understood"))
	}
	p.oneOf("ScheduleExpressionTimezone", "UTC", "UTC", "Etc/UTC")
	schedule := Schedule{
		Name: name, Expression: p.needText("ScheduleExpression"),
		ARN: "arn:aws:scheduler:" + s.load.region + ":" + accountID + ":schedule/default/" + p.text("Name", s.stack+"-"+f.LogicalID+name),
	}
	p.finish()
	f.Schedules = append(f.Schedules, schedule)
}
