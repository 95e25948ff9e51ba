// Package fakecloud is the other side: a program that behaves like the image
// service of the two clouds (IMS) and the slices of their disk (EVS), backup (CBR) and
// identity (IAM) services that an image worker meets, as awkward as the real
// ones. It verifies signatures and tokens, counts calls in rate windows,
// enforces the business rules, runs jobs and images through their lives on a
// clock that may run faster than the wall's, and keeps the truth: every
// mutation it ever accepted.
//
// It is organised as the clouds are. The gateway (gateway.go, auth.go, sign.go,
// token.go, rates.go, faults.go) stands before everything; one file a resource
// or operation holds the rules behind it; store.go and journal.go keep what
// there is; admin.go shows it. A new call is a function in its resource's file
// and a row in routes.go.
//
// Trouble is ordered through the admin endpoint: POST /_admin/faults spoils
// calls (Fault; fault_kinds.go has the list), POST /_admin/outcomes decides what
// becomes of jobs (Outcome). Each takes one order or a list, which is a script:
//
//	{"call": "CopyImage", "kind": "drop_after", "probability": 0.1}
//	[{"call": "ShowJob", "kind": "pass", "count": 2}, {"call": "ShowJob", "kind": "html_after"}]
//	{"call": "*", "image_late": "5m", "probability": 0.05, "seed": 7}
//
// A restart keeps what there is, the truth and the clock. It does not keep
// orders, switches, rate windows and the call log.
//
// The package knows nothing of the worker. Where the vendors are silent it
// follows one default and offers a switch (Switches).
package fakecloud
