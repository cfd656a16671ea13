package template

// buildBucket adds a bucket. Who may read it, and when what lies in it goes, is
// AWS's to do.
func (s *scope) buildBucket(r resource, v value) error {
	p := read(v, &s.load.errs)
	k, _ := kindOf(r.kind)
	p.known(k.nameProperty, "BucketEncryption", "PublicAccessBlockConfiguration", "OwnershipControls", "LifecycleConfiguration",
		"VersioningConfiguration", "LoggingConfiguration", "Tags")
	name, err := s.physicalName(r, k)
	if err != nil {
		return err
	}
	p.finish()
	s.load.stack.Buckets = append(s.load.stack.Buckets, Bucket{LogicalID: r.id, Name: name, ARN: s.fill("{arn}", k, name, r.id)})
	return nil
}
