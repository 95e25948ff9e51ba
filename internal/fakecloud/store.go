package fakecloud

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

// store holds what one account has, with the indexes that let a request find
// its things without looking at all of them. The cloud's lock guards it.
type store struct {
	images  map[string]*Image
	byTime  []*Image            // by creation, then id
	byTag   map[string][]*Image // by "key=value"
	byName  map[string][]*Image
	jobs    map[string]*Job
	servers map[string]*Server
	vaults  map[string]*Vault
	volumes map[string]*Volume
	buckets map[string]*Bucket
	objects map[string]*Object // by address
	backups map[string]*Backup
	history []*Backup // backups by creation, then id
	truth   []Mutation
	used    int        // private images that count toward the quota
	leaving departures // images that go by themselves
	ends    []time.Time
}

func newStore() *store {
	return &store{
		images: map[string]*Image{}, byTag: map[string][]*Image{}, byName: map[string][]*Image{},
		jobs: map[string]*Job{}, servers: map[string]*Server{}, vaults: map[string]*Vault{}, volumes: map[string]*Volume{},
		buckets: map[string]*Bucket{}, objects: map[string]*Object{}, backups: map[string]*Backup{},
	}
}

// putImage adds or replaces an image in every index.
func (s *store) putImage(i *Image) {
	s.dropImage(i.ID)
	s.images[i.ID] = i
	s.byTime = insert(s.byTime, i, compareImages)
	s.byName[i.Name] = append(s.byName[i.Name], i)
	for _, tag := range i.Tags {
		s.index(tag, i)
	}
	if i.Type == "private" {
		s.used++
	}
	if !i.Gone.IsZero() {
		heap.Push(&s.leaving, i)
	}
}

// dropImage takes an image out of every index.
func (s *store) dropImage(id string) {
	i := s.images[id]
	if i == nil {
		return
	}
	delete(s.images, id)
	s.byTime = remove(s.byTime, i, compareImages)
	s.byName[i.Name] = without(s.byName[i.Name], i)
	if len(s.byName[i.Name]) == 0 {
		delete(s.byName, i.Name)
	}
	for _, tag := range i.Tags {
		s.unindex(tag, i)
	}
	if i.Type == "private" {
		s.used--
	}
}

// retag replaces the image's tags.
func (s *store) retag(i *Image, tags []Tag) {
	for _, tag := range i.Tags {
		s.unindex(tag, i)
	}
	i.Tags = tags
	for _, tag := range i.Tags {
		s.index(tag, i)
	}
}

func (s *store) index(t Tag, i *Image) {
	s.byTag[t.text()] = append(s.byTag[t.text()], i)
}

func (s *store) unindex(t Tag, i *Image) {
	left := without(s.byTag[t.text()], i)
	if len(left) == 0 {
		delete(s.byTag, t.text())
		return
	}
	s.byTag[t.text()] = left
}

// leave makes an image go at the given time.
func (s *store) leave(i *Image, at time.Time) {
	i.Gone = at
	heap.Push(&s.leaving, i)
}

// reap drops the images whose time has come and returns their ids.
func (s *store) reap(now time.Time) []string {
	var gone []string
	for len(s.leaving) > 0 && s.leaving[0].gone(now) {
		i := heap.Pop(&s.leaving).(*Image)
		if s.images[i.ID] == i {
			s.dropImage(i.ID)
			gone = append(gone, i.ID)
		}
	}
	return gone
}

func (s *store) putBackup(b *Backup) {
	s.dropBackup(b.ID)
	s.backups[b.ID] = b
	s.history = insert(s.history, b, compareBackups)
}

func (s *store) dropBackup(id string) {
	if b := s.backups[id]; b != nil {
		delete(s.backups, id)
		s.history = remove(s.history, b, compareBackups)
	}
}

// running counts the jobs that have not ended.
func (s *store) running(now time.Time) int {
	s.ends = slices.DeleteFunc(s.ends, func(end time.Time) bool { return !now.Before(end) })
	return len(s.ends)
}

func (s *store) putJob(j *Job) {
	s.jobs[j.ID] = j
	s.ends = append(s.ends, j.End)
}

func compareImages(a, b *Image) int {
	return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
}

func compareBackups(a, b *Backup) int {
	return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
}

func insert[T any](list []T, item T, compare func(a, b T) int) []T {
	at, _ := slices.BinarySearchFunc(list, item, compare)
	return slices.Insert(list, at, item)
}

func remove[T any](list []T, item T, compare func(a, b T) int) []T {
	at, found := slices.BinarySearchFunc(list, item, compare)
	if !found {
		return list
	}
	return slices.Delete(list, at, at+1)
}

func without(list []*Image, item *Image) []*Image {
	at := slices.Index(list, item)
	if at < 0 {
		return list
	}
	return slices.Delete(list, at, at+1)
}

// departures is a heap of images by the time they go.
type departures []*Image

func (d departures) Len() int           { return len(d) }
func (d departures) Less(i, j int) bool { return d[i].Gone.Before(d[j].Gone) }
func (d departures) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }

// Push is for container/heap.
func (d *departures) Push(x any) { *d = append(*d, x.(*Image)) }

// Pop is for container/heap.
func (d *departures) Pop() any {
	last := len(*d) - 1
	item := (*d)[last]
	*d = (*d)[:last]
	return item
}
