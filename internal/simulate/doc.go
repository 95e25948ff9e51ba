// Package simulate lets the worker live through weeks in seconds. The real
// engine, ledger, events, intake, leases and client of the cloud run over
// streams and a network in memory, against the real fake cloud, in the virtual
// time of a testing/synctest bubble. A seed decides everything that happens to
// them: requests, crashes, pauses, take-overs, lost answers, late rows, trouble
// of the broker and of the cloud. After each write what has been promised is
// checked.
//
// A seed's plan is a list of things that happen, each at its time. When
// something was broken, things are left out as long as it still breaks; what
// is left, and all that came of it, is printed.
//
// What a server of NATS, real sockets and real processes do is left to the
// tests of their rooms; here every answer of the broker is as the jetstream
// rooms know it, and every delay is drawn.
package simulate
