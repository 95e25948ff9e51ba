package bulk

import (
	"encoding/json"
	"fmt"

	"github.com/imsworker/imsworker/messages"
)

// PageLegs is how many legs stand in one page.
const PageLegs = 500

// version is the newest form of a page that this program writes.
const version = 1

// Page is a part of a bulk's legs, one message of the ledger.
type Page struct {
	Version int `json:"v"`
	// Attempt is the bulk's, Expansion names the one time that its legs were
	// made: pages of another one count for nothing.
	Attempt   int    `json:"attempt"`
	Expansion string `json:"expansion"`
	// First is the index of the first leg.
	First int   `json:"first"`
	Legs  []Leg `json:"legs"`
}

// Split puts the legs of an attempt into pages.
func Split(legs []Leg, attempt int, expansion string) []*Page {
	var pages []*Page
	for first := 0; first < len(legs); first += PageLegs {
		pages = append(pages, NewPage(legs[first:min(first+PageLegs, len(legs))], first, attempt, expansion))
	}
	return pages
}

// NewPage is a page of the legs from an index on.
func NewPage(legs []Leg, first, attempt int, expansion string) *Page {
	return &Page{Version: version, Attempt: attempt, Expansion: expansion, First: first, Legs: legs}
}

// Decode reads a page. One of a newer version is an error.
func Decode(data []byte) (*Page, error) {
	p := &Page{}
	if err := json.Unmarshal(data, p); err != nil {
		return nil, fmt.Errorf("decode page of a bulk: %w", err)
	}
	if p.Version > version {
		return nil, fmt.Errorf("the page of a bulk is of version %d; this worker knows %d", p.Version, version)
	}
	return p, nil
}

// Encode writes the page.
func (p *Page) Encode() ([]byte, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode page of a bulk: %w", err)
	}
	return data, nil
}

// Counts says how the page's legs stand.
func (p *Page) Counts() messages.Counts { return CountsOf(p.Legs) }

// CountsOf says how legs stand.
func CountsOf(legs []Leg) (c messages.Counts) {
	c.Legs = len(legs)
	for _, l := range legs {
		switch l.State {
		case Waiting:
			c.Waiting++
		case Succeeded:
			c.Succeeded++
		case Failed:
			c.Failed++
		case Rejected:
			c.Rejected++
		case Cancelled:
			c.Cancelled++
		case Unresolved:
			c.Unresolved++
		default:
			c.Running++
		}
	}
	return c
}
