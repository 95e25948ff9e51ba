package fakecloud

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// timeFilter is created_at or updated_at with an operator.
type timeFilter struct {
	field string
	op    string
	at    time.Time
}

// parseTimeFilter reads "gte:2026-01-02T03:04:05Z".
func parseTimeFilter(field, text string) (timeFilter, error) {
	op, value, _ := strings.Cut(text, ":")
	at, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return timeFilter{}, err
	}
	if !slices.Contains([]string{"gt", "gte", "lt", "lte", "eq", "neq"}, op) {
		return timeFilter{}, fmt.Errorf("unknown operator %q", op)
	}
	return timeFilter{field: field, op: op, at: at}, nil
}

// holds compares in seconds, as the times are shown.
func (f timeFilter) holds(i *Image, now time.Time) bool {
	at := i.Created
	if f.field == "updated_at" {
		at = i.updated(now).Truncate(time.Second)
	}
	order := at.Compare(f.at)
	switch f.op {
	case "gt":
		return order > 0
	case "gte":
		return order >= 0
	case "lt":
		return order < 0
	case "lte":
		return order <= 0
	case "eq":
		return order == 0
	default:
		return order != 0
	}
}

// bounds returns the part of the images, ordered by creation, that the filter
// leaves.
func (f timeFilter) bounds(all []*Image) (low, high int) {
	low, high = 0, len(all)
	if f.field != "created_at" || f.op == "neq" {
		return low, high
	}
	first, _ := slices.BinarySearchFunc(all, f.at, func(i *Image, at time.Time) int { return i.Created.Compare(at) })
	past, _ := slices.BinarySearchFunc(all, f.at, func(i *Image, at time.Time) int {
		if i.Created.After(at) {
			return 1
		}
		return -1
	})
	switch f.op {
	case "gt":
		low = past
	case "gte":
		low = first
	case "lt":
		high = first
	case "lte":
		high = past
	case "eq":
		low, high = first, past
	}
	return low, high
}
