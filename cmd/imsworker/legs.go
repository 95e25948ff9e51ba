package main

import (
	"fmt"
	"io"

	"github.com/imsworker/imsworker/messages"
)

// mostLegRows is how many legs that did not succeed a table shows.
const mostLegRows = 20

// legRows shows the legs of a bulk that did not succeed, and why.
func legRows(w io.Writer, e messages.Event) {
	if e.State != messages.StateBatchCompleted || e.Batch == nil {
		return
	}
	for i, leg := range e.Batch.Legs {
		if i == mostLegRows {
			row(w, "legs", fmt.Sprintf("and %d more; `-o json` shows up to %d, the batch-legs events all", e.Batch.Counts.Unsuccessful()-i, messages.LegsAtEnd))
			return
		}
		why := ""
		if leg.Error != nil {
			why = fmt.Sprintf(": %s: %s", reasonAndCode(leg.Error), leg.Error.Message)
		}
		if leg.Error != nil && leg.Error.Remedy != "" {
			why += "; remedy: " + leg.Error.Remedy
		}
		row(w, fmt.Sprintf("leg %d", leg.Index), fmt.Sprintf("%s to %s %s%s", leg.ImageID, placeOf(leg), leg.State, why))
	}
}

func placeOf(leg messages.Leg) string {
	if leg.Cloud != "" {
		return leg.Cloud
	}
	return leg.Region
}
