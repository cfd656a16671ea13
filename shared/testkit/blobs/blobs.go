// Package blobs is S3 without AWS: buckets in a folder, behind the protocol that
// gofakes3 speaks. An object is one file, written beside its place, synced and
// renamed, so that it is there as a whole or not at all, also after kill -9.
package blobs

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // S3's own checksum
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rclone/gofakes3"
)

// Store is a set of buckets. It implements gofakes3.Backend and is safe for
// concurrent use.
type Store struct {
	dir string

	mu      sync.RWMutex
	buckets map[string]map[string]head
}

// head is what is known of an object; it is the first line of its file.
type head struct {
	Key      string            `json:"key"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Sum      string            `json:"md5"`
	Size     int64             `json:"size"`
	At       time.Time         `json:"at"`
}

// Open gives the buckets with what their folder holds.
func Open(dir string, buckets ...string) (*Store, error) {
	s := &Store{dir: dir, buckets: map[string]map[string]head{}}
	for _, bucket := range buckets {
		objects, err := s.load(bucket)
		if err != nil {
			return nil, fmt.Errorf("bucket %s: %w", bucket, err)
		}
		s.buckets[bucket] = objects
	}
	return s, nil
}

// Handler speaks S3's protocol, with buckets in the path.
func (s *Store) Handler() http.Handler { return gofakes3.New(s).Server() }

// unfinished ends the name of a file that is being written.
const unfinished = ".new"

func (s *Store) load(bucket string) (map[string]head, error) {
	folder := filepath.Join(s.dir, bucket)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	objects := map[string]head{}
	for _, file := range files {
		path := filepath.Join(folder, file.Name())
		if strings.HasSuffix(file.Name(), unfinished) {
			if err := os.Remove(path); err != nil {
				return nil, err
			}
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		line, _, _ := bytes.Cut(text, []byte("\n"))
		var h head
		if err := json.Unmarshal(line, &h); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		objects[h.Key] = h
	}
	return objects, nil
}

// path is an object's file: names may be longer than those of files.
func (s *Store) path(bucket, key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(s.dir, bucket, hex.EncodeToString(sum[:]))
}

func (s *Store) find(bucket, key string) (head, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	objects, ok := s.buckets[bucket]
	if !ok {
		return head{}, gofakes3.BucketNotFound(bucket)
	}
	h, ok := objects[key]
	if !ok {
		return head{}, gofakes3.KeyNotFound(key)
	}
	return h, nil
}

// PutObject implements gofakes3.Backend.
func (s *Store) PutObject(_ context.Context, bucket, key string, meta map[string]string, input io.Reader, _ int64) (gofakes3.PutObjectResult, error) {
	body, err := io.ReadAll(input)
	if err != nil {
		return gofakes3.PutObjectResult{}, err
	}
	sum := md5.Sum(body) //nolint:gosec // S3's own checksum
	h := head{Key: key, Metadata: meta, Sum: hex.EncodeToString(sum[:]), Size: int64(len(body)), At: time.Now().UTC()}
	s.mu.Lock()
	defer s.mu.Unlock()
	objects, ok := s.buckets[bucket]
	if !ok {
		return gofakes3.PutObjectResult{}, gofakes3.BucketNotFound(bucket)
	}
	if err := s.write(bucket, h, body); err != nil {
		return gofakes3.PutObjectResult{}, fmt.Errorf("put %s: %w", key, err)
	}
	objects[key] = h
	return gofakes3.PutObjectResult{}, nil
}

func (s *Store) write(bucket string, h head, body []byte) error {
	line, err := json.Marshal(h)
	if err != nil {
		return err
	}
	path := s.path(bucket, h.Key)
	file, err := os.OpenFile(path+unfinished, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(line, '\n'))
	if err == nil {
		_, err = file.Write(body)
	}
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+unfinished, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// GetObject implements gofakes3.Backend.
func (s *Store) GetObject(_ context.Context, bucket, key string, asked *gofakes3.ObjectRangeRequest) (*gofakes3.Object, error) {
	h, err := s.find(bucket, key)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(s.path(bucket, key))
	if errors.Is(err, os.ErrNotExist) {
		return nil, gofakes3.KeyNotFound(key) // it was deleted at this moment
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	// One that was put at this moment has a head of its own.
	line, body, _ := bytes.Cut(text, []byte("\n"))
	if err := json.Unmarshal(line, &h); err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	part, err := asked.Range(h.Size)
	if err != nil {
		return nil, err
	}
	if part != nil {
		body = body[part.Start : part.Start+part.Length]
	}
	return h.object(body, part)
}

// HeadObject implements gofakes3.Backend.
func (s *Store) HeadObject(_ context.Context, bucket, key string) (*gofakes3.Object, error) {
	h, err := s.find(bucket, key)
	if err != nil {
		return nil, err
	}
	return h.object(nil, nil)
}

func (h head) object(body []byte, part *gofakes3.ObjectRange) (*gofakes3.Object, error) {
	sum, err := hex.DecodeString(h.Sum)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h.Key, err)
	}
	return &gofakes3.Object{
		Name: h.Key, Metadata: maps.Clone(h.Metadata), Size: h.Size, Hash: sum, Range: part, Contents: io.NopCloser(bytes.NewReader(body)),
	}, nil
}

// DeleteObject implements gofakes3.Backend.
func (s *Store) DeleteObject(_ context.Context, bucket, key string) (gofakes3.ObjectDeleteResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	objects, ok := s.buckets[bucket]
	if !ok {
		return gofakes3.ObjectDeleteResult{}, gofakes3.BucketNotFound(bucket)
	}
	if err := os.Remove(s.path(bucket, key)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return gofakes3.ObjectDeleteResult{}, fmt.Errorf("delete %s: %w", key, err)
	}
	delete(objects, key)
	return gofakes3.ObjectDeleteResult{}, nil
}

// DeleteMulti implements gofakes3.Backend.
func (s *Store) DeleteMulti(ctx context.Context, bucket string, keys ...string) (gofakes3.MultiDeleteResult, error) {
	var result gofakes3.MultiDeleteResult
	for _, key := range keys {
		if _, err := s.DeleteObject(ctx, bucket, key); err != nil {
			return result, err
		}
		result.Deleted = append(result.Deleted, gofakes3.ObjectID{Key: key})
	}
	return result, nil
}

// ListBucket implements gofakes3.Backend.
func (s *Store) ListBucket(_ context.Context, bucket string, prefix *gofakes3.Prefix, page gofakes3.ListBucketPage) (*gofakes3.ObjectList, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	objects, ok := s.buckets[bucket]
	if !ok {
		return nil, gofakes3.BucketNotFound(bucket)
	}
	if prefix == nil {
		prefix = &gofakes3.Prefix{}
	}
	list := gofakes3.NewObjectList()
	var match gofakes3.PrefixMatch
	common := ""
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		if key <= page.Marker && page.HasMarker || !prefix.Match(key, &match) || match.CommonPrefix && match.MatchedPart == common {
			continue
		}
		if page.MaxKeys > 0 && int64(len(list.Contents)+len(list.CommonPrefixes)) == page.MaxKeys {
			list.IsTruncated = true
			break
		}
		list.NextMarker = key
		if match.CommonPrefix {
			common = match.MatchedPart
			list.AddPrefix(common)
			continue
		}
		h := objects[key]
		list.Add(&gofakes3.Content{Key: key, LastModified: gofakes3.NewContentTime(h.At), ETag: `"` + h.Sum + `"`, Size: h.Size})
	}
	return list, nil
}

// ListBuckets implements gofakes3.Backend.
func (s *Store) ListBuckets(context.Context) ([]gofakes3.BucketInfo, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []gofakes3.BucketInfo
	for _, name := range slices.Sorted(maps.Keys(s.buckets)) {
		all = append(all, gofakes3.BucketInfo{Name: name})
	}
	return all, nil
}

// BucketExists implements gofakes3.Backend.
func (s *Store) BucketExists(_ context.Context, name string) (bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ok := s.buckets[name]
	return ok, nil
}

// CreateBucket implements gofakes3.Backend: buckets come from the templates.
func (s *Store) CreateBucket(context.Context, string) error { return gofakes3.ErrNotImplemented }

// DeleteBucket implements gofakes3.Backend.
func (s *Store) DeleteBucket(context.Context, string) error { return gofakes3.ErrNotImplemented }

// CopyObject implements gofakes3.Backend.
func (s *Store) CopyObject(context.Context, string, string, string, string, map[string]string) (gofakes3.CopyObjectResult, error) {
	return gofakes3.CopyObjectResult{}, gofakes3.ErrNotImplemented
}
