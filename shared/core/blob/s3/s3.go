// Package s3 keeps blobs in Amazon S3 with the real client; on a laptop the
// runner speaks the same protocol. Only functions that need blobs link it.
package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/rapport/rapport/shared/core/blob"
)

const (
	// attempts bounds the tries of one call, attempt each of them.
	attempts = 3
	attempt  = 10 * time.Second
)

// Config is the function's own environment.
type Config struct {
	Region          string `env:"AWS_REGION,required"`
	AccessKeyID     string `env:"AWS_ACCESS_KEY_ID,required"`
	SecretAccessKey string `env:"AWS_SECRET_ACCESS_KEY,required"`
	SessionToken    string `env:"AWS_SESSION_TOKEN"`
	// Endpoint is the address of another server than the region's S3.
	Endpoint string `env:"AWS_ENDPOINT_URL_S3"`
	// HTTP carries the calls; nil means a client of its own.
	HTTP aws.HTTPClient `env:"-"`
}

// Store is one bucket. It is safe for concurrent use.
type Store struct {
	client *s3.Client
	bucket string
}

// New gives the bucket of a name.
func New(c Config, bucket string) *Store {
	if c.HTTP == nil {
		c.HTTP = awshttp.NewBuildableClient().WithTimeout(attempt)
	}
	o := s3.Options{
		Region:      c.Region,
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken),
		HTTPClient:  c.HTTP,
		Retryer:     retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = attempts }),
	}
	if c.Endpoint != "" {
		o.BaseEndpoint, o.UsePathStyle = &c.Endpoint, true
	}
	return &Store{client: s3.New(o), bucket: bucket}
}

// Put keeps an object, in place of one that has its name. Doing it twice does no
// harm.
func (s *Store) Put(ctx context.Context, key, contentType string, body []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if len(body) > blob.MaxSize {
		return fmt.Errorf("put %s: its %d bytes are more than %d", key, len(body), blob.MaxSize)
	}
	_, err := s.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.bucket, Key: &key, Body: bytes.NewReader(body), ContentType: &contentType,
	})
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return nil
}

// Get reads an object; blob.ErrNotFound where there is none and the function may
// list the bucket: without that right S3 answers AccessDenied for a missing object.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &key})
	if _, absent := errors.AsType[*types.NoSuchKey](err); absent {
		return nil, fmt.Errorf("get %s: %w", key, blob.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	body, err := io.ReadAll(io.LimitReader(out.Body, blob.MaxSize+1))
	if err := errors.Join(err, out.Body.Close()); err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	if len(body) > blob.MaxSize {
		return nil, fmt.Errorf("get %s: it is larger than %d bytes", key, blob.MaxSize)
	}
	return body, nil
}

// Delete takes an object away; a missing object is no error.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if _, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: &key}); err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return nil
}

// List gives objects whose names begin with a prefix and come after another name,
// at most limit (1 to blob.MaxList) of them.
func (s *Store) List(ctx context.Context, prefix, after string, limit int) (blob.Page, error) {
	if limit < 1 || limit > blob.MaxList {
		return blob.Page{}, fmt.Errorf("list %s: a limit of %d is not 1 to %d", prefix, limit, blob.MaxList)
	}
	in := &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: &prefix, MaxKeys: aws.Int32(int32(limit))}
	if after != "" {
		in.StartAfter = &after
	}
	out, err := s.client.ListObjectsV2(ctx, in)
	if err != nil {
		return blob.Page{}, fmt.Errorf("list %s: %w", prefix, err)
	}
	var page blob.Page
	for _, object := range out.Contents {
		page.Items = append(page.Items, blob.Info{Key: *object.Key, Size: aws.ToInt64(object.Size), ModifiedAt: aws.ToTime(object.LastModified).UTC()})
	}
	if n := len(page.Items); aws.ToBool(out.IsTruncated) && n > 0 {
		page.Next = page.Items[n-1].Key
	}
	return page, nil
}

// Link gives an address that lets anybody who has it read an object, for a while: at most blob.MaxLink, and no longer than the function's own
// credentials. It makes no call, so the object may not exist.
func (s *Store) Link(ctx context.Context, key string, life time.Duration) (string, error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	if life < time.Second || life > blob.MaxLink {
		return "", fmt.Errorf("link %s: a life of %v is not up to %v", key, life, blob.MaxLink)
	}
	signed, err := s3.NewPresignClient(s.client).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &key}, s3.WithPresignExpires(life))
	if err != nil {
		return "", fmt.Errorf("link %s: %w", key, err)
	}
	return signed.URL, nil
}

func checkKey(key string) error {
	if key == "" || len(key) > blob.MaxKey || !utf8.ValidString(key) {
		return fmt.Errorf("an object's name has 1 to %d bytes of UTF-8, not %d", blob.MaxKey, len(key))
	}
	return nil
}
