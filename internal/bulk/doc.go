// Package bulk is what a bulk knows of its legs: pages of them, what became of
// each, and their counts. It is plain data and decisions; where pages are
// stored and who does the work is left to the engine.
package bulk
